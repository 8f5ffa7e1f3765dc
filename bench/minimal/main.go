package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/valyala/fasthttp"
)

// bodyBytesMax is the size of a request.
const bodyBytesMax = 16 << 20

func main() {
	if len(os.Args) > 1 && os.Args[1] == "version" {
		fmt.Println("not weir: bench/minimal")
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := serve(ctx, os.Getenv("WEIR_DATA_DIR"), os.Getenv("WEIR_LISTEN"), os.Getenv("WEIR_OPS_LISTEN"))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "minimal:", err)
		os.Exit(1)
	}
}

// serve answers on the addresses until ctx ends, then writes what is counted and returns.
func serve(ctx context.Context, dir string, addresses ...string) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make a data directory: %w", err)
	}
	counts, err := newCounter(filepath.Join(dir, "checkpoints"))
	if err != nil {
		return err
	}
	log, err := openLog(filepath.Join(dir, "log"), counts.in)
	if err != nil {
		return err
	}
	server := &fasthttp.Server{
		Handler:            (&intake{log: log, counts: counts}).handle,
		MaxRequestBodySize: bodyBytesMax, NoDefaultServerHeader: true, NoDefaultDate: true,
	}
	var running sync.WaitGroup
	failed := make(chan error, len(addresses)+2) // nobody waits to tell why it ended
	counted := make(chan struct{})
	go func() { failed <- counts.run(); close(counted) }()
	running.Go(func() { failed <- log.run() })
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("cannot listen: %w", err)
		}
		running.Go(func() { failed <- server.Serve(listener) })
	}
	select {
	case <-ctx.Done():
	case err := <-failed:
		return err // the process ends, with whoever still waits
	}
	err = server.Shutdown()
	log.close()
	running.Wait()
	close(counts.in)
	<-counted
	for len(failed) > 0 {
		err = errors.Join(err, <-failed)
	}
	return err
}

// intake answers requests.
type intake struct {
	log    *log
	counts *counter
	pool   sync.Pool // of *[]byte: the records of one request
}

func (i *intake) handle(ctx *fasthttp.RequestCtx) {
	switch string(ctx.Path()) {
	case "/api/v1/events", "/api/v1/events/batch":
		i.take(ctx)
	case "/readyz":
	case "/totals":
		ctx.SetContentType("application/json")
		fmt.Fprint(ctx, i.counts.totals().json())
	case "/metrics":
		now := i.counts.totals()
		fmt.Fprintf(ctx, "weir_aggregator_events_total %d\nweir_aggregator_duplicates_total %d\n", now.events, now.repeats)
	default:
		ctx.SetStatusCode(fasthttp.StatusNotFound)
	}
}

// take answers when the events of a request are on the disk.
func (i *intake) take(ctx *fasthttp.RequestCtx) {
	pooled, _ := i.pool.Get().(*[]byte)
	if pooled == nil {
		pooled = new([]byte)
	}
	records, err := appendRecords((*pooled)[:0], ctx.PostBody())
	*pooled = records
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusBadRequest)
	} else if err := i.log.append(records); err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
	} else {
		ctx.SetContentType("application/json")
		ctx.SetBodyString("{}")
	}
	i.pool.Put(pooled)
}
