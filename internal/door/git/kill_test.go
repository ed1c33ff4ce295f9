package git

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
)

// serveCommand makes the test program a server that can be killed.
const serveCommand = "serve-door"

// serveUntilKilled serves the folder, prints its address, and ends with its standard input.
func serveUntilKilled(dir string) {
	ctx, cancel := context.WithCancel(context.Background())
	d, err := db.Open(ctx, db.Options{Path: filepath.Join(dir, "state.db")})
	if err != nil {
		panic(err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	people := access.New(d, log)
	if _, err := people.Bootstrap(ctx, adminToken); err != nil {
		panic(err)
	}
	door, err := New(Options{DB: d, Access: people, Dir: filepath.Join(dir, "git"), Logger: log})
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := &http.Server{Handler: door}
	defer os.Exit(0)
	go func() { _ = server.Serve(l) }()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	fmt.Println(l.Addr())
	if err := door.Run(ctx); err != nil {
		panic(err)
	}
}

// startServer runs a server on the folder and gives its address and what kills it at once.
func startServer(t *testing.T, dir string) (addr string, kill func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], serveCommand, dir)
	cmd.Stderr = testWriter{t}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server did not start: %v", err)
	}
	return strings.TrimSpace(line), func() {
		_ = cmd.Process.Kill() // SIGKILL
		_ = cmd.Wait()
		_ = in.Close()
	}
}

// TestKilledServerLosesNoCommit kills the server at random moments of pushes. Behind every restart, what was told of main has to be one unbroken chain that ends at its head.
func TestKilledServerLosesNoCommit(t *testing.T) {
	dir := t.TempDir()
	c := newClone(t)
	c.commit("zero", ".slipway.yaml", good("shop"))
	push := func(addr string, ref string) error {
		u := url.URL{Scheme: "http", Host: addr, User: url.UserPassword("x", adminToken), Path: "/git/shop.git"}
		out, err := c.run("push", "--force", u.String(), ref)
		if err != nil {
			t.Logf("cut off: %s", out)
		}
		return err
	}
	addr, kill := startServer(t, dir)
	if err := push(addr, "main"); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 8 {
		c.commit(fmt.Sprintf("commit %d", i), "n", fmt.Sprint(i))
		pushed := make(chan error, 1)
		go func() { pushed <- push(addr, "main") }()
		select {
		case <-time.After(time.Duration(random.IntN(160)) * time.Millisecond): // any moment will do
		case err := <-pushed:
			pushed <- err
		}
		kill()
		accepted := <-pushed == nil
		addr, kill = startServer(t, dir)
		if err := push(addr, "main:refs/tags/looked"); err != nil { // served behind the settling
			t.Fatal(err)
		}
		checkChain(t, dir, c.must("rev-parse", "HEAD"), accepted)
	}
	if err := push(addr, "main"); err != nil {
		t.Errorf("the last push: %v", err)
	}
	kill()
	checkChain(t, dir, c.must("rev-parse", "HEAD"), true)
}

// checkChain reads what was told, from the store of a server that may run.
func checkChain(t *testing.T, dir, newest string, accepted bool) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "--git-dir", filepath.Join(dir, "git", "shop.git"), "rev-parse", "refs/heads/main").Output()
	if err != nil {
		t.Fatal(err)
	}
	head := strings.TrimSpace(string(out))
	if accepted && head != newest {
		t.Errorf("git told the pusher that %s is on main, but %s is", newest, head)
	}
	d, err := db.Open(t.Context(), db.Options{Path: filepath.Join(dir, "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	events, err := db.Events(t.Context(), d, `SELECT seq, body FROM events WHERE type = 'git.pushed' ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, ev := range events {
		p, err := event.Decode[event.GitPushed](ev)
		if err != nil {
			t.Fatal(err)
		}
		if p.Before != last || p.After == last || ev.Env != "production" || len(p.Manifest) == 0 || ev.Actor != "person:admin" {
			t.Errorf("told of %+v %+v behind %s", ev, p, last)
		}
		last = p.After
	}
	if last != head {
		t.Errorf("main is at %s, told was %s", head, last)
	}
}
