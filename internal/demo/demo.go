package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/app"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/visitors"
)

// demo is a running demo.
type demo struct {
	opts     Options
	token    string
	app      *app.App
	client   *apiclient.Client
	children *children
	feed     *feed
	pace     pace
	stage    *stage
	crowd    *visitors.Crowd
	started  time.Time
}

// Run plays the demo. With Once it gives the summary; otherwise it stays up until ctx ends, and the summary is that of the story.
func Run(ctx context.Context, o Options) (s Summary, err error) {
	started := time.Now()
	o, err = o.withDefaults()
	if err != nil {
		return s, err
	}
	remove, err := o.folder()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	d := &demo{opts: o, started: started, feed: newFeed(), pace: o.pace(), token: newToken()}
	d.children = &children{exe: o.Exe, logs: filepath.Join(o.Dir, "logs")}
	close, err := d.open(ctx)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, close()) }()
	return d.run(ctx)
}

func newToken() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return "slt_" + hex.EncodeToString(b[:])
}

// open makes the server and the way to it.
func (d *demo) open(ctx context.Context) (close func() error, err error) {
	logger, log, err := d.logger()
	if err != nil {
		return nil, err
	}
	d.app, err = app.New(ctx, app.Options{
		Dir: filepath.Join(d.opts.Dir, "server"), Listen: d.opts.Listen, EdgeListen: d.opts.EdgeListen, StopEdge: true, Exe: d.opts.Exe,
		AdminToken: d.token, Version: d.opts.Version, UI: d.opts.UI, Demo: true, Logger: logger,
	})
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	d.client, err = apiclient.New(apiclient.Options{URL: d.app.URL(), Token: d.token, Agent: "slipway-demo/" + d.opts.Version})
	if err != nil {
		return nil, errors.Join(err, d.app.Close(), log.Close())
	}
	return func() error {
		d.client.Close()
		return log.Close()
	}, nil
}

func (d *demo) logger() (*slog.Logger, io.Closer, error) {
	if d.opts.Logger != nil {
		return d.opts.Logger, io.NopCloser(strings.NewReader("")), nil
	}
	if err := os.MkdirAll(d.children.logs, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make the folder for logs: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(d.children.logs, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open the server's log: %w", err)
	}
	return slog.New(slog.NewTextHandler(f, nil)), f, nil
}

// errDone ends what runs beside the story.
var errDone = errors.New("the demo is over")

// run runs the server, and the story beside it.
func (d *demo) run(ctx context.Context) (s Summary, err error) {
	serving, endServing := context.WithCancel(context.WithoutCancel(ctx))
	defer endServing()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := d.app.Run(serving); err != nil {
			return fmt.Errorf("the server: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		defer d.children.stop()
		defer endServing() // both at once: nobody visits any more
		var err error
		if s, err = d.play(ctx); err != nil {
			return err
		}
		return errDone
	})
	if err := g.Wait(); !errors.Is(err, errDone) {
		return s, err
	}
	return s, nil
}

// play brings everything up and tells the story.
func (d *demo) play(ctx context.Context) (Summary, error) {
	record := Record{URL: d.app.URL(), Token: d.token, Worktree: filepath.Join(d.opts.Dir, "shop"), PID: os.Getpid()}
	if err := record.keep(d.opts.Dir); err != nil {
		return Summary{}, err
	}
	defer record.drop(d.opts.Dir)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.feed.run(ctx, d.client) })
	var s Summary
	g.Go(func() error {
		var err error
		if s, err = d.story(ctx); err != nil {
			return err
		}
		return errDone
	})
	if err := g.Wait(); !errors.Is(err, errDone) {
		return s, err
	}
	return s, nil
}

// tell passes a scene on, with the time.
func (d *demo) tell(s Scene) {
	s.At = float64(time.Since(d.started).Milliseconds()) / 1000
	d.opts.Tell.Tell(s)
}

func (d *demo) say(kind, format string, args ...any) {
	d.tell(Scene{Type: kind, Text: fmt.Sprintf(format, args...)})
}

// until waits for something, and says what is missing when it does not come. Children that end meanwhile are told of at once.
func (d *demo) until(ctx context.Context, what string, patience time.Duration, ok func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(patience)
	defer late.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return fault.New(fault.CodeInternal, "%s is not there after %s; the logs are in %s", what, patience, d.children.logs)
		case <-tick.C:
		}
		if dead := d.children.dead(); len(dead) > 0 {
			return fmt.Errorf("%s ended: %s", dead[0], lastLine(filepath.Join(d.children.logs, dead[0]+".log")))
		}
	}
	return nil
}

// lastLine is the end of a log, for an error.
func lastLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil || len(text) == 0 {
		return "it said nothing"
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}
