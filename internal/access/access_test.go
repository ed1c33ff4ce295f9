package access

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/fault"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type world struct {
	*Service
	t *testing.T
	d *db.DB
	c *clock
	b Bootstrapped
}

func each(t *testing.T, fn func(t *testing.T, w world)) {
	c := &clock{now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	dbtest.EachWith(t, db.Options{Now: c.Now}, func(t *testing.T, d *db.DB) {
		s := New(d, slog.New(slog.DiscardHandler))
		b, err := s.Bootstrap(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		fn(t, world{s, t, d, c, b})
	})
}

// as authenticates a request with the header or cookie given.
func (w world) as(change func(*http.Request)) (Identity, error) {
	r := httptest.NewRequest("GET", "/", nil)
	change(r)
	return w.Authenticate(w.t.Context(), r)
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func (w world) token(person string, expires time.Time) (Token, string) {
	w.t.Helper()
	tok, secret, err := w.NewToken(w.t.Context(), "test", person, "test", expires)
	if err != nil {
		w.t.Fatal(err)
	}
	return tok, secret
}

func (w world) add(name string) {
	w.t.Helper()
	if _, err := w.AddPerson(w.t.Context(), "test", name, "", false); err != nil {
		w.t.Fatal(err)
	}
}

func TestBootstrap(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx := t.Context()
		if !strings.HasPrefix(w.b.Token, "slt_") || !strings.HasPrefix(w.b.Code, "slc_") {
			t.Fatalf("printed %q and %q", w.b.Token, w.b.Code)
		}
		id, err := w.as(bearer(w.b.Token))
		if err != nil || !id.Can(Administer, "") || id.Actor() != "person:admin" {
			t.Errorf("%+v %v", id, err)
		}
		again, err := w.Bootstrap(ctx, "")
		if err != nil || again != (Bootstrapped{}) {
			t.Errorf("a second start printed %+v, %v", again, err)
		}
		const given = "an-operators-own-token"
		for range 2 {
			if b, err := w.Bootstrap(ctx, given); err != nil || b.Token != "" {
				t.Fatalf("%+v %v", b, err)
			}
		}
		if id, err = w.as(bearer(given)); err != nil {
			t.Fatal(err)
		}
		if err := w.RevokeToken(ctx, id, id.Token); err != nil {
			t.Fatal(err)
		}
		if _, err := w.as(bearer(given)); !fault.Is(err, fault.CodeUnauthorized) {
			t.Errorf("a revoked token: %v", err)
		}
		if _, err := w.Bootstrap(ctx, given); err != nil {
			t.Fatal(err)
		}
		if _, err := w.as(bearer(given)); err != nil {
			t.Errorf("given again at start: %v", err)
		}
		if _, err := w.Bootstrap(ctx, "short"); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("a short token: %v", err)
		}
	})
}

func TestCredentials(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.add("ana")
		_, secret := w.token("ana", w.c.Now().Add(time.Hour))
		if id, err := w.as(func(r *http.Request) { r.SetBasicAuth("whoever", secret) }); err != nil || id.Person.Name != "ana" || id.ByCookie {
			t.Errorf("basic: %+v %v", id, err)
		}
		if id, err := w.as(func(*http.Request) {}); err != nil || id.Person.ID != "" {
			t.Errorf("nothing: %+v %v", id, err)
		}
		for _, header := range []string{"Bearer", "Bearer ", "Digest x", "Basic !", "Bearer slt_x"} {
			if _, err := w.as(func(r *http.Request) { r.Header.Set("Authorization", header) }); !fault.Is(err, fault.CodeUnauthorized) {
				t.Errorf("%q: %v", header, err)
			}
		}
		w.c.pass(time.Hour)
		if _, err := w.as(bearer(secret)); !fault.Is(err, fault.CodeUnauthorized) {
			t.Errorf("an expired token: %v", err)
		}
		if _, _, err := w.NewToken(t.Context(), "test", "ana", "x", w.c.Now().Add(-time.Second)); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("a token that is past: %v", err)
		}
		var stored int
		err := w.d.QueryRow(t.Context(), `SELECT COUNT(*) FROM access_tokens WHERE hash LIKE 'sl%' OR label LIKE 'slt_%'`).Scan(&stored)
		if err != nil || stored != 0 {
			t.Errorf("%d tokens are stored as they are, %v", stored, err)
		}
	})
}

func TestSessionsSlideAndEnd(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx := t.Context()
		w.add("ana")
		tok, secret := w.token("ana", time.Time{})
		c, id, err := w.SignIn(ctx, "10.0.0.1:1", secret, true)
		if err != nil || id.Person.Name != "ana" || !c.Secure || !c.HttpOnly {
			t.Fatalf("%+v %+v %v", c, id, err)
		}
		session := func(r *http.Request) { r.AddCookie(c) }
		for range 3 {
			w.c.pass(SessionTime - time.Hour)
			if id, err := w.as(session); err != nil || id.Person.Name != "ana" || !id.ByCookie {
				t.Fatalf("a used session ended: %+v %v", id, err)
			}
		}
		w.c.pass(SessionTime + time.Hour)
		if id, err := w.as(session); err != nil || id.Person.ID != "" {
			t.Errorf("an unused session goes on: %+v %v", id, err)
		}
		if c, _, err = w.SignIn(ctx, "10.0.0.1:1", secret, false); err != nil {
			t.Fatal(err)
		}
		if err := w.RevokeToken(ctx, Identity{Person: Person{Name: "ana", ID: "x"}}, tok.ID); err != nil {
			t.Fatal(err)
		}
		if id, err := w.as(session); err != nil || id.Person.ID != "" {
			t.Errorf("the session of a revoked token goes on: %+v %v", id, err)
		}
	})
}

func TestLinksWorkOnce(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx := t.Context()
		c, id, err := w.SignInByCode(ctx, "10.0.0.1:1", w.b.Code, false)
		if err != nil || id.Person.Name != "admin" {
			t.Fatalf("%+v %v", id, err)
		}
		if _, _, err := w.SignInByCode(ctx, "10.0.0.1:1", w.b.Code, false); !fault.Is(err, fault.CodeUnauthorized) {
			t.Errorf("used twice: %v", err)
		}
		if id, err := w.as(func(r *http.Request) { r.AddCookie(c) }); err != nil || !id.Person.Admin {
			t.Errorf("%+v %v", id, err)
		}
		code, err := w.LoginCode(ctx, "test", "admin")
		if err != nil {
			t.Fatal(err)
		}
		w.c.pass(CodeTime)
		if _, _, err := w.SignInByCode(ctx, "10.0.0.1:1", code, false); !fault.Is(err, fault.CodeUnauthorized) {
			t.Errorf("an old link: %v", err)
		}
	})
}

func TestRolesAndRights(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx := t.Context()
		rights := func(name string) Identity {
			_, secret := w.token(name, time.Time{})
			id, err := w.as(bearer(secret))
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		for _, p := range []struct {
			name, app string
			role      Role
			can       map[Right]bool // in shop
		}{
			{"norm", "", "", map[Right]bool{}},
			{"vera", "shop", Viewer, map[Right]bool{View: true}},
			{"dora", "shop", Deployer, map[Right]bool{View: true, Push: true, Deploy: true}},
			{"else", "shoes", Deployer, map[Right]bool{}},
			{"wide", AllApps, Viewer, map[Right]bool{View: true}},
			{"cleo", AllApps, Deployer, map[Right]bool{View: true, Push: true, Deploy: true, Create: true}},
		} {
			w.add(p.name)
			if p.role != "" {
				if err := w.Grant(ctx, "test", p.name, Grant{p.app, AllEnvironments, p.role}); err != nil {
					t.Fatal(err)
				}
			}
			id := rights(p.name)
			for _, right := range []Right{View, Push, Deploy, Create, Administer} {
				if id.Can(right, "shop") != p.can[right] || (id.Require(right, "shop") == nil) != p.can[right] {
					t.Errorf("%s: right %d is %v", p.name, right, id.Can(right, "shop"))
				}
			}
		}
		// A wider grant does not take a stronger one away.
		if err := w.Grant(ctx, "test", "dora", Grant{AllApps, AllEnvironments, Viewer}); err != nil {
			t.Fatal(err)
		}
		if id := rights("dora"); !id.Can(Deploy, "shop") || id.Can(Deploy, "shoes") || !id.Can(View, "shoes") {
			t.Error("viewer of all and deployer of one is not both")
		}
		if err := rights("else").Require(Deploy, "shop"); !fault.Is(err, fault.CodeNotFound) {
			t.Errorf("an app that may not be seen: %v", err)
		}
		if err := rights("vera").Require(Deploy, "shop"); !fault.Is(err, fault.CodeForbidden) {
			t.Errorf("an app that may be seen: %v", err)
		}
		if err := (Identity{}).Require(View, "shop"); !fault.Is(err, fault.CodeUnauthorized) {
			t.Errorf("nobody: %v", err)
		}
		if err := w.Grant(ctx, "test", "vera", Grant{"shop", AllEnvironments, Admin}); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("admin of an app: %v", err)
		}
		if err := w.Revoke(ctx, "test", "vera", "shop", ""); err != nil || rights("vera").Can(View, "shop") {
			t.Errorf("a role that was taken: %v", err)
		}
		if err := w.Revoke(ctx, "test", "vera", "shop", ""); !fault.Is(err, fault.CodeNotFound) {
			t.Errorf("taken twice: %v", err)
		}
	})
}

func TestARoleInOneEnvironment(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx := t.Context()
		w.add("sten")
		_, secret := w.token("sten", time.Time{})
		sten := func() Identity {
			id, err := w.as(bearer(secret))
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		give := func(g Grant) error { return w.Grant(ctx, "test", "sten", g) }
		if err := give(Grant{"shop", "staging", Deployer}); err != nil {
			t.Fatal(err)
		}
		id := sten()
		if !id.CanIn(Deploy, "shop", "staging") || id.RoleIn("shop", "staging") != Deployer || !id.Can(Push, "shop") || !id.CanIn(View, "shop", "production") {
			t.Error("a deployer of staging does not deploy there, push, or see the app")
		}
		for _, env := range []string{"production", AllEnvironments} {
			err := id.RequireIn(Deploy, "shop", env)
			if id.CanIn(Deploy, "shop", env) || id.RoleIn("shop", env) != Viewer || !fault.Is(err, fault.CodeForbidden) {
				t.Errorf("a deployer of staging is %s in %s: %v", id.RoleIn("shop", env), env, err)
			}
		}
		if id.Can(Push, "shoes") || id.CanIn(Deploy, "shoes", "staging") || id.Can(View, "shoes") || id.Can(Create, "") {
			t.Error("a deployer of staging of one app has rights in another")
		}
		// One role an environment, side by side with that in all.
		if err := errors.Join(give(Grant{"shop", AllEnvironments, Viewer}), give(Grant{"shop", "qa", Deployer}), give(Grant{AllApps, "qa", Deployer})); err != nil {
			t.Fatal(err)
		}
		if id = sten(); len(id.Person.Grants) != 4 || !id.CanIn(Deploy, "shop", "staging") || !id.CanIn(Deploy, "shoes", "qa") || id.Can(Deploy, "shop") || id.Can(Create, "") {
			t.Errorf("grants %+v", id.Person.Grants)
		}
		if err := w.Revoke(ctx, "test", "sten", "shop", "qa"); err != nil || !sten().CanIn(Deploy, "shop", "staging") {
			t.Errorf("taken in qa, and lost in staging (%v)", err)
		}
		if err := w.Revoke(ctx, "test", "sten", "shop", ""); err != nil || sten().CanIn(Deploy, "shop", "staging") || !sten().CanIn(Deploy, "shop", "qa") {
			t.Errorf("taken in the whole app: %v, %+v", err, sten().Person.Grants)
		}
		for _, bad := range []Grant{{"shop", "", Deployer}, {"shop", "staging", Viewer}, {"shop", "staging", Admin}} {
			if err := give(bad); !fault.Is(err, fault.CodeInvalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	})
}

func TestWhoIsRemovedIsOut(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx := t.Context()
		w.add("ana")
		_, secret := w.token("ana", time.Time{})
		c, _, err := w.SignIn(ctx, "10.0.0.1:1", secret, false)
		if err != nil {
			t.Fatal(err)
		}
		code, err := w.LoginCode(ctx, "test", "ana")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.RemovePerson(ctx, "person:admin", "ana", "left"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.as(bearer(secret)); !fault.Is(err, fault.CodeUnauthorized) {
			t.Errorf("token: %v", err)
		}
		if id, err := w.as(func(r *http.Request) { r.AddCookie(c) }); err != nil || id.Person.ID != "" {
			t.Errorf("session: %+v %v", id, err)
		}
		if _, _, err := w.SignInByCode(ctx, "10.0.0.1:1", code, false); !fault.Is(err, fault.CodeUnauthorized) {
			t.Errorf("link: %v", err)
		}
		if _, err := w.AddPerson(ctx, "test", "ana", "", false); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("another ana: %v", err)
		}
		if err := w.RemovePerson(ctx, "test", "admin", ""); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("the last admin: %v", err)
		}
		entries, err := AuditList(ctx, w.d, "", 0, 1)
		if err != nil || entries[0].Action != "person.removed" || entries[0].Actor != "person:admin" || entries[0].Target != "ana" || entries[0].Reason != "left" {
			t.Errorf("audit %+v %v", entries, err)
		}
		for _, name := range []string{"", "Ana", "a b", "-a", strings.Repeat("a", 41), "a\n"} {
			if _, err := w.AddPerson(ctx, "test", name, "", false); !fault.Is(err, fault.CodeInvalid) {
				t.Errorf("name %q: %v", name, err)
			}
		}
	})
}

func TestManyWrongCredentialsHaveToWait(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		guess := func(addr, token string) error {
			_, err := w.as(func(r *http.Request) { bearer(token)(r); r.RemoteAddr = addr })
			return err
		}
		// An old script that tries the same token for ever locks nobody out.
		for range 3 * failureBurst {
			if err := guess("10.0.0.1:5", "slt_old"); !fault.Is(err, fault.CodeUnauthorized) {
				t.Fatal(err)
			}
		}
		if err := guess("10.0.0.1:6", w.b.Token); err != nil {
			t.Fatal(err)
		}
		for i := range 3 * failureBurst {
			_ = guess("10.0.0.1:5", "slt_"+strings.Repeat("x", i))
		}
		if err := guess("10.0.0.1:7", "slt_another"); !fault.Is(err, fault.CodeLimited) {
			t.Errorf("after many guesses: %v", err)
		}
		// Whoever has a token is no guesser, whatever others at the same address do.
		if err := guess("10.0.0.1:7", w.b.Token); err != nil {
			t.Errorf("a valid token from there: %v", err)
		}
		if _, _, err := w.SignIn(t.Context(), "10.0.0.1:7", w.b.Token, false); err != nil {
			t.Errorf("signing in from there: %v", err)
		}
		if _, _, err := w.SignInByCode(t.Context(), "10.0.0.1:7", "slc_guess", false); !fault.Is(err, fault.CodeLimited) {
			t.Errorf("a guessed link from there: %v", err)
		}
		if _, _, err := w.SignInByCode(t.Context(), "10.0.0.1:7", w.b.Code, false); err != nil {
			t.Errorf("a valid link from there: %v", err)
		}
		if err := guess("10.0.0.1:7", "slt_another"); !fault.Is(err, fault.CodeLimited) {
			t.Errorf("a right one in between frees no guesser: %v", err)
		}
		if err := guess("10.0.0.2:7", "slt_another"); !fault.Is(err, fault.CodeUnauthorized) {
			t.Errorf("another address: %v", err)
		}
		w.c.pass(failureBurst * failureEvery)
		if err := guess("10.0.0.1:7", "slt_another"); !fault.Is(err, fault.CodeUnauthorized) {
			t.Errorf("after a while: %v", err)
		}
	})
}

func TestAnswersAreKeptOnce(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx := t.Context()
		claim := func(request string) (string, error) { return w.Claim(ctx, "per_1", "key", request) }
		if got, err := claim("a"); got != "" || err != nil {
			t.Fatal(got, err)
		}
		if _, err := claim("a"); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("while it is under way: %v", err)
		}
		if err := w.Unclaim(ctx, "per_1", "key"); err != nil {
			t.Fatal(err)
		}
		if got, err := claim("a"); got != "" || err != nil {
			t.Errorf("after it came to nothing: %q %v", got, err)
		}
		if err := w.Answer(ctx, "per_1", "key", "sealed"); err != nil {
			t.Fatal(err)
		}
		if got, err := claim("a"); got != "sealed" || err != nil {
			t.Errorf("after the answer: %q %v", got, err)
		}
		if _, err := claim("b"); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("another request: %v", err)
		}
		if got, err := w.Claim(ctx, "per_2", "key", "a"); got != "" || err != nil {
			t.Errorf("somebody else's key: %q %v", got, err)
		}
		w.c.pass(answerTime + time.Second)
		if got, err := claim("b"); got != "" || err != nil {
			t.Errorf("a day later: %q %v", got, err)
		}
	})
}
