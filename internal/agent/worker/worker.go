package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Options of a worker.
type Options struct {
	// Dir is where mirrors, checkouts and caches are kept. Of it, a command sees what its lease needs.
	Dir string
	// Hide are folders that commands must not see: those with credentials.
	Hide []string
	// Keeper is the command line of a keeper of this program (proc.KeeperProgram). Without one a command is tied to the worker by its process group alone, and sees everything.
	Keeper []string
	// Isolation of commands; empty means proc.Auto.
	Isolation proc.Isolation
	// Client is joined already.
	Client *client.Client
	// Slots is how many leases run at once; 0 means 1.
	Slots int
	// Environ is added to what every command gets, as NAME=value: a GOCACHE to share, say.
	Environ []string
	// GitURL says where an app is fetched from; nil means the client's server.
	GitURL func(app string) string
	// LogCap is how much of a command's output is sent, in bytes; 0 means 64 MiB. Of more, the beginning and the last 1/64.
	LogCap int64
	Logger *slog.Logger
}

// worker is a running one.
type worker struct {
	Options
	mirrors *mirrors
	environ []string
	keepers *proc.Keepers // nil where there are none
}

// Run takes and does leases until ctx ends, or the server no longer knows this agent. When it returns, nothing it started runs any more.
func Run(ctx context.Context, o Options) error {
	w, err := open(o)
	if err != nil {
		return err
	}
	defer w.close()
	hideEnvironment()
	g, ctx := errgroup.WithContext(ctx)
	for i := range w.Slots {
		g.Go(func() error { return w.serve(ctx, &slot{name: strconv.Itoa(i)}) })
	}
	return g.Wait()
}

func open(o Options) (*worker, error) {
	if o.Slots <= 0 {
		o.Slots = 1
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.LogCap <= 0 {
		o.LogCap = 64 << 20
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the worker's folder: %w", err)
	}
	hidden := make([]string, len(o.Hide))
	for i := range hidden {
		if hidden[i], err = filepath.Abs(o.Hide[i]); err != nil {
			return nil, fmt.Errorf("find a folder to hide: %w", err)
		}
	}
	o.Dir, o.Hide = dir, hidden
	w := &worker{Options: o}
	if err := os.RemoveAll(w.path("tmp")); err != nil {
		return nil, fmt.Errorf("clear the worker's temporary files: %w", err)
	}
	for _, sub := range []string{"mirrors", "work", "home", "tmp"} {
		if err := os.MkdirAll(w.path(sub), 0o700); err != nil {
			return nil, fmt.Errorf("make the worker's folder: %w", err)
		}
	}
	w.environ = commandEnviron(w.path("home"), o.Environ)
	w.mirrors = newMirrors(w)
	return w, w.isolate()
}

func (w *worker) path(parts ...string) string {
	return filepath.Join(append([]string{w.Dir}, parts...)...)
}

// slot is one place to work in.
type slot struct {
	name string
	// What the checkout of each app is of, by app; absent where it is not known.
	at map[string]string
}

// serve takes one lease after the other.
func (w *worker) serve(ctx context.Context, s *slot) error {
	pause := client.Backoff{Min: time.Second, Max: 30 * time.Second}
	for ctx.Err() == nil {
		l, err := w.Client.Lease(ctx, wire.LeaseRequest{Warm: w.mirrors.names()})
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, client.ErrRemoved), errors.Is(err, client.ErrTooOld):
			return fmt.Errorf("ask for work: %w", err)
		case err != nil:
			w.Logger.Warn("no work", "error", err)
			pause.Wait(ctx)
		case l == nil:
			w.mirrors.tidy(ctx)
		case w.do(ctx, s, *l):
			pause.Reset()
		default:
			pause.Wait(ctx) // this machine could not do its part; others may
		}
	}
	return nil
}
