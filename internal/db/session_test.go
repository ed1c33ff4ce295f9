package db_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/event"
)

// stopped is a clock by which no lease ever ends.
func stopped() func() time.Time {
	now := time.Now()
	return func() time.Time { return now }
}

func openAt(t *testing.T, url string, now func() time.Time) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), db.Options{URL: url, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func holder(t *testing.T, d *db.DB, lease string) (is string) {
	t.Helper()
	if err := d.QueryRow(t.Context(), `SELECT holder FROM leases WHERE name = $1`, lease).Scan(&is); err != nil {
		t.Fatal(err)
	}
	return is
}

// inside runs a singleton beside the test, and gives the contexts that it gets, one after the other.
func inside(t *testing.T, d *db.DB, lease string) <-chan context.Context {
	t.Helper()
	began := make(chan context.Context, 10)
	dbtest.Run(t, func(ctx context.Context) error {
		return d.Single(ctx, lease, func(ctx context.Context) error {
			began <- ctx
			<-ctx.Done()
			return nil
		})
	})
	return began
}

func next(t *testing.T, began <-chan context.Context, what string) context.Context {
	t.Helper()
	select {
	case ctx := <-began:
		return ctx
	case <-time.After(time.Minute):
		t.Fatal(what)
		return nil
	}
}

// TestAKilledServersLeaseIsFree kills a server that holds a lease. By the clock of the one that wants it no time passes.
func TestAKilledServersLeaseIsFree(t *testing.T) {
	url := dbtest.PostgresURL(t)
	d := openAt(t, url, stopped())
	cmd, lines := child(t, "hold", url, "")
	if !lines.Scan() || lines.Text() != "held" {
		t.Fatalf("the child says %q", lines.Text())
	}
	if held, err := d.Acquire(t.Context(), "work"); err != nil || held {
		t.Fatalf("taken from a server that lives: %v (%v)", held, err)
	}
	began := inside(t, d, "work")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	next(t, began, "the lease of a dead server is not taken")
}

// TestAServerWhoseSessionEndsStops ends the session of a server that lives: others may take its leases from then on.
func TestAServerWhoseSessionEndsStops(t *testing.T) {
	url := dbtest.PostgresURL(t)
	a, b := openAt(t, url, nil), openAt(t, url, stopped())
	began := inside(t, a, "work")
	first := next(t, began, "the lease is not taken")
	if held, err := b.Acquire(t.Context(), "work"); err != nil || held {
		t.Fatalf("taken from a server that lives: %v (%v)", held, err)
	}
	_, session, _ := strings.Cut(holder(t, a, "work"), "@")
	parts := strings.Split(session, "/")
	if len(parts) != 3 {
		t.Fatalf("the holder's session is %q", session)
	}
	var done bool
	if err := b.QueryRow(t.Context(), `SELECT pg_terminate_backend(CAST($1 AS INTEGER))`, parts[1]).Scan(&done); err != nil || !done {
		t.Fatalf("the session is not ended: %v", err)
	}
	select {
	case <-first.Done():
	case <-time.After(time.Minute):
		t.Fatal("it works on without its session")
	}
	next(t, began, "it does not take its lease again")
}

// TestWhoseLeaseIsFree lists holders that others left behind.
func TestWhoseLeaseIsFree(t *testing.T) {
	d := openAt(t, dbtest.PostgresURL(t), stopped())
	if held, err := d.Acquire(t.Context(), "own"); err != nil || !held {
		t.Fatalf("%v (%v)", held, err)
	}
	server, session, _ := strings.Cut(holder(t, d, "own"), "@")
	parts := strings.Split(session, "/")
	later, earlier := db.Micros(d.Now().Add(time.Second)), db.Micros(d.Now().Add(-time.Second))
	for name, tc := range map[string]struct {
		holder string
		until  int64
		free   bool
	}{
		"own, by another session":          {server + "@1/2/3", later, true},
		"own, without one":                 {server, later, true},
		"a session that lives":             {"srv_other@" + session, later, false},
		"a session that ended":             {"srv_other@" + parts[0] + "/999999/" + parts[2], later, true},
		"its process id is another's now":  {"srv_other@" + parts[0] + "/" + parts[1] + "/1", later, true},
		"of another start of PostgreSQL":   {"srv_other@1/999999/" + parts[2], later, false},
		"without a session":                {"srv_other", later, false},
		"without a session, its time over": {"srv_other", earlier, true},
		"a session that lives, time over":  {"srv_other@" + session, earlier, true},
	} {
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3)`, name, tc.holder, tc.until)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if held, err := d.Acquire(t.Context(), name); err != nil || held != tc.free {
			t.Errorf("%s: taken %v, want %v (%v)", name, held, tc.free, err)
		}
	}
}

// TestBehindAPoolerLeasesHaveNoSession puts something between server and PostgreSQL that gives process ids of its own, as poolers do.
func TestBehindAPoolerLeasesHaveNoSession(t *testing.T) {
	d := openAt(t, pooled(t, dbtest.PostgresURL(t)), nil)
	if held, err := d.Acquire(t.Context(), "work"); err != nil || !held {
		t.Fatalf("%v (%v)", held, err)
	}
	if h := holder(t, d, "work"); strings.Contains(h, "@") {
		t.Errorf("the holder is %s, with a session that may be somebody else's in a moment", h)
	}
}

// pooled gives the address of a proxy before the database, which changes the process id in PostgreSQL's greeting.
func pooled(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	socket := filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432")
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", socket)
			if err != nil {
				t.Error(err)
				return
			}
			all.Go(func() {
				_, _ = io.Copy(server, client) // until one side ends
				_ = server.Close()
			})
			all.Go(func() {
				_ = greet(client, server)
				_, _ = io.Copy(client, server)
				_ = client.Close()
			})
		}
	})
	host, port, _ := net.SplitHostPort(l.Addr().String())
	u.Host = net.JoinHostPort(host, port)
	u.RawQuery = url.Values{"sslmode": {"disable"}}.Encode()
	return u.String()
}

// greet passes PostgreSQL's messages on up to the one with the process id, which it changes.
func greet(client io.Writer, server io.Reader) error {
	for {
		head := make([]byte, 5)
		if _, err := io.ReadFull(server, head); err != nil {
			return err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(server, body); err != nil {
			return err
		}
		if head[0] == 'K' {
			binary.BigEndian.PutUint32(body, binary.BigEndian.Uint32(body)+1)
		}
		if _, err := client.Write(slices.Concat(head, body)); err != nil || head[0] == 'K' {
			return err
		}
	}
}

// TestTwoPumpsAtOnceLeaveNoGap has servers pump at the same time, as when one was taken for dead.
func TestTwoPumpsAtOnceLeaveNoGap(t *testing.T) {
	url := dbtest.PostgresURL(t)
	j := openLog(t, t.TempDir())
	const servers, each = 3, 60
	var emitters sync.WaitGroup
	for i := range servers {
		d := openAt(t, url, nil)
		dbtest.Run(t, func(ctx context.Context) error { return d.PumpUnleased(ctx, j) })
		emitters.Go(func() {
			for range each {
				emitOn(t, d, strconv.Itoa(i))
			}
		})
	}
	emitters.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := map[string]bool{}
	err := j.ReadState(ctx, 0, func(ev event.Event) error {
		if seen[ev.ID] {
			t.Errorf("%s came again at %d", ev.ID, ev.Position)
		}
		if seen[ev.ID] = true; len(seen) == servers*each {
			cancel()
		}
		return nil
	})
	if err != nil || len(seen) != servers*each {
		t.Errorf("%d events came (%v)", len(seen), err)
	}
}

// TestAPumpWaitsForAnother has one server number events while another wants to.
func TestAPumpWaitsForAnother(t *testing.T) {
	url := dbtest.PostgresURL(t)
	a, b := openAt(t, url, nil), openAt(t, url, nil)
	j := openLog(t, t.TempDir())
	err := a.Tx(t.Context(), func(tx *db.Tx) error {
		if err := tx.Lock(t.Context(), "pump"); err != nil {
			return err
		}
		emitOn(t, b, "x")
		dbtest.Run(t, func(ctx context.Context) error { return b.PumpUnleased(ctx, j) })
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			var waiting int
			if err := b.QueryRow(t.Context(), `SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&waiting); err != nil {
				return err
			}
			if waiting > 0 {
				return nil
			}
			var numbered int
			if err := b.QueryRow(t.Context(), `SELECT COUNT(*) FROM events WHERE position IS NOT NULL`).Scan(&numbered); err != nil {
				return err
			}
			if numbered > 0 {
				t.Error("it numbers events while another does")
				return nil
			}
		}
		t.Error("it neither waits nor numbers")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	came := 0
	if err := j.ReadState(ctx, 0, func(event.Event) error { came++; cancel(); return nil }); err != nil || came != 1 {
		t.Errorf("%d events came (%v)", came, err)
	}
}
