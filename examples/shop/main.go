// The shop is a small web shop to try Slipway with. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/slipwayhq/slipway/examples/shop/catalog"
	"github.com/slipwayhq/slipway/examples/shop/events"
	"github.com/slipwayhq/slipway/examples/shop/payment"
	"github.com/slipwayhq/slipway/examples/shop/session"
	"github.com/slipwayhq/slipway/examples/shop/weather"
	"github.com/slipwayhq/slipway/examples/shop/web"
)

// grace is how long requests may take to finish after the order to stop.
const grace = 10 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stderr, func(net.Addr) {}); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends and the last request is answered. It tells ready the address it listens on.
func run(ctx context.Context, args []string, env func(string) string, out io.Writer, ready func(net.Addr)) error {
	flags := flag.NewFlagSet("shop", flag.ContinueOnError)
	flags.SetOutput(out)
	addr := flags.String("addr", defaultAddr(env), "`address` to listen on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	set, err := readSettings(env, *addr)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(out, nil))
	set.events.Log = log
	teller, err := events.New(set.events)
	if err != nil {
		return err
	}
	shop, err := openShop(set, teller, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", *addr, err)
	}
	log.Info("shop is open", "release", set.release, "addr", listener.Addr().String())
	ready(listener.Addr())
	telling, last := context.WithCancel(context.WithoutCancel(ctx))
	var told sync.WaitGroup
	told.Go(func() { teller.Run(telling) })
	defer told.Wait()
	defer last() // behind the last request
	return serve(ctx, listener, shop.Handler(), log)
}

func openShop(set settings, teller *events.Teller, log *slog.Logger) (*web.Shop, error) {
	sky, err := weather.New(set.outlook)
	if err != nil {
		return nil, err
	}
	return web.New(web.Options{
		Catalog:  catalog.Harbour(),
		Sessions: session.NewKeeper(set.secret),
		Desk:     payment.NewDesk(payment.Approve),
		Weather:  sky,
		Tell:     teller.Tell,
		Log:      log,
	})
}

func serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("shop is closing")
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return fmt.Errorf("close: requests still open after %v: %w", grace, err)
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
