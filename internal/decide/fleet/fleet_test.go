package fleet_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/fleet"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

const key = "0123456789abcdef0123456789abcdef"

// clock stands still until a test moves it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

type world struct {
	t     *testing.T
	db    *db.DB
	clock *clock
	*fleet.Service
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	c := &clock{at: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	dbtest.EachWith(t, db.Options{Now: c.now}, func(t *testing.T, d *db.DB) {
		w := &world{t: t, db: d, clock: c}
		w.Service = w.fresh()
		fn(t, w)
	})
}

// fresh is the service as it is after a restart.
func (w *world) fresh() *fleet.Service {
	return fleet.New(w.db, slog.New(slog.NewTextHandler(w.t.Output(), nil)))
}

// pass moves the clock in steps of a look, in which the agents named are heard of.
func (w *world) pass(d time.Duration, alive ...string) {
	w.t.Helper()
	const step = 2 * time.Second
	for ; d > 0; d -= step {
		w.jump(min(d, step))
		for _, id := range alive {
			w.Seen(id, nil)
		}
		w.look()
	}
}

func (w *world) jump(d time.Duration) {
	w.clock.mu.Lock()
	defer w.clock.mu.Unlock()
	w.clock.at = w.clock.at.Add(d)
}

func (w *world) look() {
	w.t.Helper()
	if err := w.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) token(uses int64, expires time.Time, roles ...string) string {
	w.t.Helper()
	_, secret, err := w.CreateJoin(w.t.Context(), "person:ana", fleet.JoinToken{Label: "x", Roles: roles, Uses: uses, Expires: expires})
	if err != nil {
		w.t.Fatal(err)
	}
	return secret
}

func (w *world) join(token, name, key string, roles ...string) (wire.JoinAnswer, error) {
	return w.Join(w.t.Context(), wire.JoinRequest{Token: token, Name: name, Key: key, Roles: roles, Addr: "10.0.0.1"})
}

// host joins a host that must be let in.
func (w *world) host(name string) wire.JoinAnswer {
	w.t.Helper()
	a, err := w.join(w.token(1, time.Time{}, wire.RoleHost), name, key, wire.RoleHost)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// told lists the events in short: "joined h1".
func (w *world) told() string {
	w.t.Helper()
	events, err := db.Events(w.t.Context(), w.db, `SELECT COALESCE(position, 0), body FROM events ORDER BY seq`)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, ev := range events {
		name := ""
		if e, err := event.Decode[event.AgentJoined](ev); err == nil {
			name = e.Name
		}
		if e, err := event.Decode[event.AgentLost](ev); err == nil {
			name = e.Name
		}
		if e, err := event.Decode[event.AgentReturned](ev); err == nil {
			name = e.Name
		}
		if e, err := event.Decode[event.AgentRemoved](ev); err == nil {
			name = e.Name
		}
		out = append(out, strings.TrimPrefix(string(ev.Type), "agent.")+" "+name)
	}
	return strings.Join(out, ", ")
}

func (w *world) want(told string) {
	w.t.Helper()
	if got := w.told(); got != told {
		w.t.Errorf("told: %s; want: %s", got, told)
	}
}

func refused(t *testing.T, err error, code fault.Code, words string) {
	t.Helper()
	if fault.CodeOf(err) != code || !strings.Contains(fault.Message(err), words) {
		t.Errorf("got %v, want %s with %q", err, code, words)
	}
}

func TestJoinTokens(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.join("slj_unknown", "h1", key, wire.RoleHost)
		refused(t, err, fault.CodeUnauthorized, "not known")

		once := w.token(1, time.Time{}, wire.RoleHost)
		_, err = w.join(once, "h1", key, wire.RoleHost, wire.RoleWork)
		refused(t, err, fault.CodeForbidden, "work") // and that took no use of it
		if _, err = w.join(once, "h1", key, wire.RoleHost); err != nil {
			t.Fatal(err)
		}
		_, err = w.join(once, "h2", key, wire.RoleHost)
		refused(t, err, fault.CodeUnauthorized, "used up")

		brief := w.token(0, w.clock.now().Add(time.Minute), wire.RoleWork)
		if _, err = w.join(brief, "w1", key, wire.RoleWork); err != nil {
			t.Fatal(err)
		}
		w.jump(time.Minute + time.Second)
		_, err = w.join(brief, "w2", key, wire.RoleWork)
		refused(t, err, fault.CodeUnauthorized, "expired")

		any := w.token(0, time.Time{}, wire.RoleHost, wire.RoleEdge)
		for name, bad := range map[string]wire.JoinRequest{
			"name": {Key: key, Roles: []string{wire.RoleHost}}, "key": {Name: "x", Key: "short", Roles: []string{wire.RoleHost}},
			"roles": {Name: "x", Key: key}, "control characters": {Name: "a\x1b[31m", Key: key, Roles: []string{wire.RoleHost}}, "no role": {Name: "x", Key: key, Roles: []string{"king"}},
		} {
			bad.Token = any
			if _, err := w.Join(t.Context(), bad); fault.CodeOf(err) != fault.CodeInvalid {
				t.Errorf("a join with a bad %s: %v", name, err)
			}
		}
		if _, _, err := w.CreateJoin(t.Context(), "person:ana", fleet.JoinToken{Roles: []string{wire.RoleHost}, Expires: w.clock.now()}); fault.CodeOf(err) != fault.CodeInvalid {
			t.Errorf("a token that is past: %v", err)
		}
		list, err := w.Joins(t.Context())
		if err != nil || len(list) != 3 {
			t.Fatalf("the list of tokens: %v, %v", list, err)
		}
		if err := w.RevokeJoin(t.Context(), "person:ana", list[0].ID); err != nil {
			t.Fatal(err)
		}
		refused(t, w.RevokeJoin(t.Context(), "person:ana", list[0].ID), fault.CodeNotFound, "no join token")
		w.want("joined h1, joined w1")
		w.nothingInTheClear(once, brief, any)
	})
}

// TestALostAnswerTakesNoUse: a machine that joins again by the same token, since the answer was lost, must not find it used up, nor take the place of another machine.
func TestALostAnswerTakesNoUse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		two := w.token(2, time.Time{}, wire.RoleHost)
		first, err := w.join(two, "h1", key, wire.RoleHost)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			again, err := w.join(two, "h1", key, wire.RoleHost)
			if err != nil || again.Agent != first.Agent || again.Credential == first.Credential {
				t.Fatalf("said again: %+v, %v", again, err)
			}
		}
		if _, err := w.join(two, "h2", key, wire.RoleHost); err != nil {
			t.Fatalf("another machine: %v", err)
		}
		_, err = w.join(two, "h3", key, wire.RoleHost)
		refused(t, err, fault.CodeUnauthorized, "used up")
		if _, err := w.join(two, "h1", key, wire.RoleHost); err != nil {
			t.Errorf("said again when it is used up: %v", err)
		}
		// It is the same machine by its key, and the same token: neither helps without the other.
		_, err = w.join(two, "h1", strings.Repeat("f", 32), wire.RoleHost)
		refused(t, err, fault.CodeUnauthorized, "used up")
		spent := w.token(1, time.Time{}, wire.RoleHost)
		if _, err := w.join(spent, "h4", key, wire.RoleHost); err != nil {
			t.Fatal(err)
		}
		_, err = w.join(spent, "h1", key, wire.RoleHost)
		refused(t, err, fault.CodeUnauthorized, "used up")
		// Roles and time count for it as for everybody.
		_, err = w.join(two, "h1", key, wire.RoleWork)
		refused(t, err, fault.CodeForbidden, "only host")
		w.jump(fleet.JoinLife + time.Second)
		_, err = w.join(two, "h1", key, wire.RoleHost)
		refused(t, err, fault.CodeUnauthorized, "expired")
	})
}

// TestChangesAreAudited: each in the transaction of the change, with the token that let a machine in.
func TestChangesAreAudited(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		made, secret, err := w.CreateJoin(ctx, "person:ana", fleet.JoinToken{Label: "rack 3", Roles: []string{wire.RoleHost}, Uses: 2})
		if err != nil || !made.Expires.Equal(w.clock.now().Add(fleet.JoinLife)) {
			t.Fatalf("made %+v, %v", made, err)
		}
		host, err := w.join(secret, "h1", key, wire.RoleHost)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.join(secret, "h2", "short", wire.RoleHost); err == nil {
			t.Fatal("joined without a key")
		}
		if err := w.Remove(ctx, "person:bob", host.Agent, "sold"); err != nil {
			t.Fatal(err)
		}
		if err := w.RevokeJoin(ctx, "person:cyd", made.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.RevokeJoin(ctx, "person:cyd", made.ID); err == nil {
			t.Error("revoked twice")
		}
		for range 2 { // a restart is no news
			if _, err := w.Own(ctx, "edge", []string{wire.RoleEdge}, "sle_0123456789abcdef0123456789abcdef"); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := access.AuditList(ctx, w.db, "", 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, e := range slices.Backward(entries) {
			told = append(told, fmt.Sprint(e.Actor, " ", e.Action, " ", e.Target, " ", e.Reason))
		}
		want := []string{
			"person:ana join_token.created " + made.ID + " ", "agent:" + host.Agent + " agent.joined " + host.Agent + " ", "person:bob agent.removed " + host.Agent + " sold",
			"person:cyd join_token.revoked " + made.ID + " ",
		}
		if len(told) != 5 || !slices.Equal(told[:4], want) || !strings.HasPrefix(told[4], "system:fleet agent.joined agt_") {
			t.Errorf("the audit is\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
		}
		if d := entries[3].Detail; d["join_token"] != made.ID || d["label"] != "rack 3" || d["name"] != "h1" {
			t.Errorf("the join's detail is %v", d)
		}
		// A change that comes to nothing leaves no row, and one whose row cannot be written is none.
		breakAudit := `ALTER TABLE access_audit RENAME TO access_audit_away`
		if err := w.db.Tx(ctx, func(tx *db.Tx) error { _, err := tx.Exec(ctx, breakAudit); return err }); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.CreateJoin(ctx, "person:ana", fleet.JoinToken{Roles: []string{wire.RoleHost}}); err == nil {
			t.Error("a token without an audit row")
		}
		if list, err := w.Joins(ctx); err != nil || len(list) != 0 {
			t.Errorf("tokens %v, %v", list, err)
		}
	})
}

// nothingInTheClear looks whether a secret can be read in the store.
func (w *world) nothingInTheClear(secrets ...string) {
	w.t.Helper()
	for _, query := range []string{`SELECT hash FROM fleet_joins`, `SELECT key_hash FROM fleet_agents`, `SELECT cred_hash FROM fleet_agents`, `SELECT body FROM events`} {
		rows, err := w.db.Query(w.t.Context(), query)
		if err != nil {
			w.t.Fatal(err)
		}
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				w.t.Fatal(err)
			}
			for _, s := range append(secrets, key) {
				if strings.Contains(text, s) {
					w.t.Errorf("%s gives a secret", query)
				}
			}
		}
		if err := rows.Close(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestATokenForOneIsForOne lets many machines use a token at once.
func TestATokenForOneIsForOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.token(2, time.Time{}, wire.RoleHost)
		var wg sync.WaitGroup
		var mu sync.Mutex
		in := 0
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			wg.Go(func() {
				if _, err := w.join(token, name, key, wire.RoleHost); err == nil {
					mu.Lock()
					defer mu.Unlock()
					in++
				}
			})
		}
		wg.Wait()
		if agents, err := w.Agents(t.Context(), ""); err != nil || in != 2 || len(agents) != 2 {
			t.Errorf("%d machines joined by a token for two; there are %d: %v", in, len(agents), err)
		}
	})
}

func TestANameIsOneMachine(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := w.host("h1")
		_, err := w.join(w.token(1, time.Time{}, wire.RoleHost), "h1", strings.Repeat("f", 32), wire.RoleHost)
		refused(t, err, fault.CodeConflict, "another machine")

		again := w.host("h1") // the same machine
		if again.Agent != first.Agent || again.Credential == first.Credential {
			t.Errorf("the same machine joined as %s, was %s", again.Agent, first.Agent)
		}
		if _, err := w.Authenticate(t.Context(), first.Credential); fault.CodeOf(err) != fault.CodeUnauthorized {
			t.Errorf("the old credential: %v", err)
		}
		if a, err := w.Authenticate(t.Context(), again.Credential); err != nil || a.Name != "h1" || !a.Has(wire.RoleHost) || a.Has(wire.RoleWork) {
			t.Errorf("the new credential gives %+v, %v", a, err)
		}
		w.want("joined h1")

		// With other roles it is news to everybody.
		if _, err := w.join(w.token(1, time.Time{}, wire.RoleHost, wire.RoleWork), "h1", key, wire.RoleHost, wire.RoleWork); err != nil {
			t.Fatal(err)
		}
		w.want("joined h1, joined h1")
	})
}

func TestRemovedAgentIsOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.host("h1")
		if _, err := w.Authenticate(t.Context(), a.Credential); err != nil {
			t.Fatal(err)
		}
		other := w.fresh()
		if _, err := other.Authenticate(t.Context(), a.Credential); err != nil {
			t.Fatal(err)
		}
		if err := w.Remove(t.Context(), "person:ana", a.Agent, "sold"); err != nil {
			t.Fatal(err)
		}
		_, err := w.Authenticate(t.Context(), a.Credential)
		refused(t, err, fault.CodeUnauthorized, "join it again")
		if w.db.Shared() { // there may be other servers
			_, err = other.Authenticate(t.Context(), a.Credential)
			refused(t, err, fault.CodeUnauthorized, "join it again")
		}
		refused(t, w.Remove(t.Context(), "person:ana", a.Agent, ""), fault.CodeNotFound, "no agent")
		w.pass(30*time.Second, a.Agent)
		if b := w.host("h1"); b.Agent == a.Agent {
			t.Error("a removed agent came back under its old id")
		}
		w.want("joined h1, removed h1, joined h1")
	})
}

func TestSilenceAndReturn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, b := w.host("h1").Agent, w.host("h2").Agent
		w.pass(time.Minute, a, b)
		w.want("joined h1, joined h2")
		w.pass(wire.LostAfter, a)
		w.want("joined h1, joined h2")
		w.pass(10*time.Second, a)
		w.want("joined h1, joined h2, lost h2")
		w.pass(time.Minute, a)
		agents, err := w.Agents(t.Context(), wire.RoleHost)
		if err != nil || agents[0].State != fleet.StateUp || agents[1].State != fleet.StateLost {
			t.Errorf("agents %+v, %v", agents, err)
		}
		w.pass(2*time.Second, a, b)
		w.want("joined h1, joined h2, lost h2, returned h2")
	})
}

func TestRestartIsASignOfLife(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, b := w.host("h1").Agent, w.host("h2").Agent
		w.pass(10*time.Second, a, b)
		w.jump(time.Hour) // the server was down
		w.Service = w.fresh()
		w.pass(10*time.Second, a)
		w.want("joined h1, joined h2")
		w.pass(10*time.Second, a)
		w.want("joined h1, joined h2, lost h2")
		w.Service = w.fresh() // a lost one is not taken for alive by a restart
		w.pass(10*time.Second, a)
		w.want("joined h1, joined h2, lost h2")
	})
}

func TestClockJumps(t *testing.T) {
	for name, by := range map[string]time.Duration{"forwards": time.Hour, "backwards": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				a, b := w.host("h1").Agent, w.host("h2").Agent
				w.pass(10*time.Second, a, b)
				w.jump(by)
				w.look()
				w.pass(10*time.Second, a)
				w.want("joined h1, joined h2")
				w.pass(10*time.Second, a)
				w.want("joined h1, joined h2, lost h2") // silence counts by the new clock
				w.pass(time.Minute, a, b)
				w.want("joined h1, joined h2, lost h2, returned h2")
			})
		})
	}
}

func TestSamplesAreKeptForMinutes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.host("h1").Agent
		for i := range 300 {
			w.Seen(a, &wire.Sample{CPU: float64(i)})
		}
		s := w.Samples(a)
		if len(s) != 200 || s[0].CPU != 100 || s[199].CPU != 299 {
			t.Errorf("%d samples from %v", len(s), s[0].CPU)
		}
		agents, err := w.Agents(t.Context(), "")
		if err != nil || agents[0].Sample == nil || agents[0].Sample.CPU != 299 {
			t.Errorf("agents %+v, %v", agents, err)
		}
		if i := slices.IndexFunc(agents, func(a fleet.Agent) bool { return a.Has(wire.RoleWork) }); i >= 0 {
			t.Error("a host plays worker")
		}
	})
}
