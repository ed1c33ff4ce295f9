package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// drainTime is how long requests may take to end when the server stops; a git push whose tests still run is told where to look.
const drainTime = 5 * time.Second

// stage is a group of loops that start and stop together.
type stage struct {
	name string
	runs []func(context.Context) error
}

type closer struct {
	name  string
	close func() error
}

func (a *App) stage(name string, runs ...func(context.Context) error) {
	a.stages = append(a.stages, stage{name: name, runs: runs})
}

func (a *App) onClose(name string, fn func() error) {
	a.closers = append(a.closers, closer{name: name, close: fn})
}

// Run serves until ctx ends or a loop fails, then stops in reverse order and closes everything.
func (a *App) Run(ctx context.Context) error {
	failed, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var stops []func() error
	for _, s := range a.stages {
		stops = append(stops, start(s, fail))
	}
	<-failed.Done()
	var errs []error
	if cause := context.Cause(failed); ctx.Err() == nil && cause != nil {
		errs = append(errs, cause)
	}
	for i := len(stops) - 1; i >= 0; i-- {
		errs = append(errs, stops[i]())
	}
	return errors.Join(append(errs, a.Close())...)
}

// start runs a stage's loops and gives the function that ends them and waits.
func start(s stage, fail context.CancelCauseFunc) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	g, ctx := errgroup.WithContext(ctx)
	for _, run := range s.runs {
		g.Go(func() error {
			err := run(ctx)
			if err == nil || ctx.Err() != nil && errors.Is(err, context.Canceled) {
				return nil
			}
			err = fmt.Errorf("%s: %w", s.name, err)
			fail(err)
			return nil
		})
	}
	return func() error {
		cancel()
		return g.Wait()
	}
}

// Close closes what New opened, last first. Run does it by itself; twice does nothing.
func (a *App) Close() error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		if err := a.closers[i].close(); err != nil {
			errs = append(errs, fmt.Errorf("close the %s: %w", a.closers[i].name, err))
		}
	}
	a.closers = nil
	return errors.Join(errs...)
}

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           httpsOnly(h),
		ReadHeaderTimeout: 15 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// httpsOnly sends whoever comes in plain from elsewhere to TLS: tokens must not cross a network in the clear. A proxy on this machine may speak plain.
func httpsOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if r.TLS == nil && (err != nil || !net.ParseIP(host).IsLoopback()) {
			http.Redirect(w, r, "https://"+r.Host+r.URL.RequestURI(), http.StatusPermanentRedirect) //nolint:gosec // the host that was asked for, by TLS
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serve answers requests until ctx ends, then lets those under way finish.
func (a *App) serve(ctx context.Context) error {
	base, cancel := context.WithCancel(context.Background())
	defer cancel()
	a.http.BaseContext = func(net.Listener) context.Context { return base }
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		cancel() // long polls and streams end at once, the others are given time
		ctx, done := context.WithTimeout(context.Background(), drainTime)
		defer done()
		if err := a.http.Shutdown(ctx); err != nil {
			_ = a.http.Close() // they had their time
		}
	})
	var g errgroup.Group
	for _, l := range []net.Listener{a.listener, a.local} {
		if l != nil {
			g.Go(func() error { return a.http.Serve(l) })
		}
	}
	err := g.Wait()
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// lockFile takes an exclusive lock that ends with the process.
func lockFile(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f.Close, nil
}
