package db_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
)

// childVariable makes this test binary play one of children(), on the store and the log of the other two, instead of testing.
const (
	childVariable = "SLIPWAY_DB_CHILD"
	storeVariable = "SLIPWAY_DB_STORE" // an address of PostgreSQL, or else a file
	logVariable   = "SLIPWAY_DB_LOG"
)

func children() map[string]func(context.Context, *db.DB) error {
	return map[string]func(context.Context, *db.DB) error{"hold": hold, "crash": crash}
}

func TestMain(m *testing.M) {
	play, ok := children()[os.Getenv(childVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	d, err := db.Open(context.Background(), storeOptions(os.Getenv(storeVariable)))
	if err == nil {
		err = play(context.Background(), d)
	}
	fmt.Println("failed:", err)
	os.Exit(1)
}

func storeOptions(store string) db.Options {
	if len(store) > 0 && store[0] == '/' {
		return db.Options{Path: store}
	}
	return db.Options{URL: store}
}

// hold holds the lease "work" until it is killed.
func hold(ctx context.Context, d *db.DB) error {
	return d.Single(ctx, "work", func(ctx context.Context) error {
		fmt.Println("held")
		<-ctx.Done()
		return ctx.Err()
	})
}

// crashAt is the event whose transaction the child crash does not survive.
const crashAt = 7

// crash handles events and is killed when all of a transaction is done but the commit.
func crash(ctx context.Context, d *db.DB) error {
	j, err := journal.Open(ctx, journal.Options{Dir: os.Getenv(logVariable)})
	if err != nil {
		return err
	}
	go func() { _ = j.Run(ctx) }()
	go func() { _ = d.Pump(ctx, j) }()
	l := ledger{d}
	return d.Consume(ctx, j, db.Consumer{Name: "crash", Lock: "crash", Types: []event.Type{"app.created"}, Handle: func(ctx context.Context, tx *db.Tx, ev event.Event) error {
		if ev.Position == crashAt {
			tx.BeforeCommit(func() error { return syscall.Kill(os.Getpid(), syscall.SIGKILL) })
		}
		return l.note(ctx, tx, ev)
	}})
}

// child starts this binary as a child, and gives the lines that it prints.
func child(t *testing.T, name, store, log string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+name, storeVariable+"="+store, logVariable+"="+log)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}
