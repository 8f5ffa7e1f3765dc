// Command weir is all of weir: every role is a subcommand, and this package is
// the only place where the roles are wired together.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker.
var version = "dev"

// Exit statuses. 0 is also the status after a signal that weir drained on.
const (
	exitFailure = 1
	exitUsage   = 2
)

// commands is the command line.
type commands struct {
	Config

	All        allCommand        `cmd:"" help:"Run every role in one process."`
	Ingest     ingestCommand     `cmd:"" help:"Take events in over HTTP and write them to the log."`
	Aggregator aggregatorCommand `cmd:"" help:"Own partitions of the log, count, and answer usage."`
	API        apiCommand        `cmd:"" name:"api" help:"Serve the management API."`
	Biller     billerCommand     `cmd:"" help:"Make invoices of what falls due."`
	Migrate    migrateCommand    `cmd:"" help:"Bring the database's schema up to date."`
	Org        struct {
		Create orgCreateCommand `cmd:"" help:"Create an organization and print its API key."`
		Key    orgKeyCommand    `cmd:"" help:"Create another API key for an organization and print it."`
	} `cmd:"" help:"Organizations."`
	Partition struct {
		ClearStop clearStopCommand `cmd:"" help:"Clear the stop of a partition; its aggregator must not be running."`
	} `cmd:"" help:"Partitions of the log."`
	Replay  replayCommand  `cmd:"" help:"Make the stores anew from the log and compare them with those in use; weir must be stopped."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	var c commands
	parser := kong.Must(&c, kong.Name("weir"), kong.UsageOnError(),
		kong.Description("Metering and billing: events in, invoices out. Settings are flags or environment variables."))
	command, err := parser.Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "weir:", err)
		os.Exit(exitUsage)
	}
	if err := c.Validate(); err != nil {
		fmt.Fprintln(os.Stderr, "weir:", err)
		os.Exit(exitUsage)
	}
	logger := c.logger()
	for _, name := range unknownVariables(os.Environ()) {
		logger.Warn("environment variable means nothing to weir", "name", name)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(&c.Config, logger); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "weir:", err)
		os.Exit(exitFailure)
	}
}

// versionCommand prints the version.
type versionCommand struct{}

// Run prints the version, the compiler's and the platform's.
func (versionCommand) Run(*Config, *slog.Logger) error {
	fmt.Printf("weir %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
