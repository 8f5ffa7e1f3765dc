package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/aggregator/worker"
)

// errDifferences: a replay has found what the stores in use and the log do not agree on.
var errDifferences = errors.New("stores differ from what the log makes")

// errInterrupted: a replay was told to stop. It is an error, since nothing is proved.
var errInterrupted = errors.New("interrupted: what was not replayed is not proved")

// differencesShownMax is how many differences of one partition are printed; all are counted.
const differencesShownMax = 100

// replayCommand proves the stores of this data directory: it makes each anew from the log,
// beside the one in use, and compares the two, key by key.
type replayCommand struct {
	Partitions []int32 `arg:"" optional:"" name:"partition" help:"Partitions to replay; all that have a store here if none is named."`
}

// Run replays partition after partition. weir must not be running in the data directory.
func (c replayCommand) Run(ctx context.Context, cfg *Config, logger *slog.Logger) (err error) {
	defer func() {
		if err != nil && ctx.Err() != nil && !errors.Is(err, errDifferences) {
			err = errInterrupted
		}
	}()
	p := newProcess(ctx, cfg, logger)
	defer func() { err = errors.Join(err, p.Close()) }()
	if err := p.openReplay(ctx); err != nil {
		return err
	}
	numbers := c.Partitions
	if len(numbers) == 0 {
		if numbers, err = p.storedPartitions(os.Stdout); err != nil {
			return err
		}
	}
	catalog, err := p.db.Catalog(ctx)
	if err != nil {
		return fmt.Errorf("cannot load the catalog: %w", err)
	}
	differ := false
	for _, number := range numbers {
		r := replay{process: p, partition: number, catalog: catalog, out: os.Stdout}
		same, err := r.run(ctx)
		if err != nil {
			return fmt.Errorf("cannot replay partition %d: %w", number, err)
		}
		differ = differ || !same
	}
	if differ {
		return errDifferences
	}
	return nil
}

// replayPrefix begins the names of the directories in which stores are made anew.
const replayPrefix = "replay-"

// openReplay opens what a replay reads: data directory, database, log. It makes none of
// them, and removes what a replay that was killed has left behind.
func (p *process) openReplay(ctx context.Context) error {
	path, err := chooseDataDir(p.cfg)
	if err != nil {
		return err
	}
	stores := (&dataDir{path: path}).aggregator()
	if _, err := os.Stat(stores); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no store in %s", stores)
	}
	if err := p.openDataDir(); err != nil {
		if errors.Is(err, errInUse) {
			return fmt.Errorf("stop weir first: %w", err)
		}
		return err
	}
	left, err := filepath.Glob(filepath.Join(p.dir.path, replayPrefix+"*"))
	if err != nil {
		return fmt.Errorf("cannot look for what an earlier replay left: %w", err)
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("cannot remove what an earlier replay left: %w", err)
		}
	}
	if err := p.openDatabase(ctx); err != nil {
		return err
	}
	return p.openLog(ctx)
}

// storedPartitions returns the partitions that have a store in the data directory, and
// says which have none: nothing is proved of those.
func (p *process) storedPartitions(out io.Writer) ([]int32, error) {
	var numbers []int32
	for number := range p.log.Identity().Partitions {
		_, err := os.Stat(store.Dir(p.dir.aggregator(), number))
		switch {
		case err == nil:
			numbers = append(numbers, number)
		case errors.Is(err, os.ErrNotExist):
			fmt.Fprintf(out, "partition %d: no store here\n", number)
		default:
			return nil, fmt.Errorf("cannot look for stores: %w", err)
		}
	}
	if len(numbers) == 0 {
		return nil, fmt.Errorf("there is no store in %s", p.dir.aggregator())
	}
	return numbers, nil
}

// replay is the replay of one partition.
type replay struct {
	process   *process
	partition int32
	catalog   *aggregator.Catalog
	out       io.Writer
}

// run makes the partition's store anew and reports whether it equals the one in use.
func (r *replay) run(ctx context.Context) (same bool, err error) {
	began := time.Now()
	live, err := r.open(r.process.dir.aggregator())
	if err != nil {
		return false, err
	}
	defer closeAfter(live.Close, &err)
	progress := live.Progress()
	if progress.Next == 0 {
		fmt.Fprintf(r.out, "partition %d: nothing to replay\n", r.partition)
		return true, nil
	}
	if id := r.process.log.Identity().ID; progress.LogID != id {
		return false, fmt.Errorf("the store is of log %q, not %q", progress.LogID, id)
	}
	dir, err := os.MkdirTemp(r.process.dir.path, replayPrefix)
	if err != nil {
		return false, fmt.Errorf("cannot make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := r.replay(ctx, dir, progress.Next); err != nil {
		return false, err
	}
	again, err := r.open(dir)
	if err != nil {
		return false, err
	}
	defer closeAfter(again.Close, &err)
	return r.compare(ctx, live, again, began)
}

func closeAfter(closing func() error, err *error) { *err = errors.Join(*err, closing()) }

func (r *replay) open(dir string) (*store.Store, error) {
	return store.OpenReadOnly(store.Dir(dir, r.partition), store.Options{Partition: r.partition, Logger: r.process.logger})
}

// replayDirtyBytes lets a replay write fewer and larger checkpoints: it is in no hurry to be durable.
const replayDirtyBytes = 32 << 20

func (r *replay) replay(ctx context.Context, dir string, until int64) error {
	bar := progressbar.NewOptions64(until,
		progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetVisibility(term.IsTerminal(int(os.Stderr.Fd()))),
		progressbar.OptionSetDescription(fmt.Sprintf("partition %d", r.partition)), progressbar.OptionSetWidth(24),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	err := worker.Replay(ctx, worker.ReplayOptions{
		Log: r.process.log, Partition: r.partition, Until: until, Dir: dir, Catalog: r.catalog,
		Logger: r.process.logger, DirtyBytesMax: replayDirtyBytes,
		Progress: func(offset int64) { _ = bar.Set64(offset) }, // a bar that can't be drawn is no fault of the replay
	})
	return errors.Join(err, bar.Finish())
}

// compare prints the differences, and what was compared.
func (r *replay) compare(ctx context.Context, live, again *store.Store, began time.Time) (same bool, err error) {
	a, err := live.Snapshot()
	if err != nil {
		return false, err
	}
	defer closeAfter(a.Close, &err)
	b, err := again.Snapshot()
	if err != nil {
		return false, err
	}
	defer closeAfter(b.Close, &err)
	differences, rebuilding := 0, 0
	err = store.Compare(ctx, a, b, func(d store.Difference) error {
		if d.Subject == store.OfState {
			rebuilding++
			return nil
		}
		if differences++; differences <= differencesShownMax {
			inUse, replayed := d.Values()
			fmt.Fprintf(r.out, "partition %d: %s %s: in use %s, replayed %s\n", r.partition, d.Subject, d.Name, inUse, replayed)
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("cannot compare the stores: %w", err)
	}
	r.report(a, differences, rebuilding, time.Since(began))
	return differences == 0, nil
}

func (r *replay) report(a *store.Snapshot, differences, rebuilding int, took time.Duration) {
	progress := a.Progress()
	verdict := "the store is what the log makes"
	if differences > 0 {
		verdict = fmt.Sprintf("%d differences", differences)
	}
	fmt.Fprintf(r.out, "partition %d: %d records, %d events in %s: %s\n",
		r.partition, progress.Next, progress.Totals.Events, took.Round(time.Millisecond), verdict)
	if rebuilding > 0 {
		fmt.Fprintf(r.out, "partition %d: counters of %d series are not of the catalog's definitions, being rebuilt, and were not compared\n",
			r.partition, rebuilding)
	}
}
