package track_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/fault"
)

func create(t *testing.T, s *track.Service, app, name string) track.Source {
	t.Helper()
	src, err := s.Create(t.Context(), "person:ana", app, "production", name)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func TestSources(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := track.New(d)
		web, ios := create(t, s, "shop", " web "), create(t, s, "shop", "iOS")
		create(t, s, "blog", "web") // names are one within an app
		if web.Name != "web" || !strings.HasPrefix(web.Key, "wk_") || web.Key == ios.Key || len(web.Key) < 32 {
			t.Errorf("%+v, %+v", web, ios)
		}
		if _, err := s.Create(t.Context(), "person:ana", "shop", "production", "web"); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("a name that is taken: %v", err)
		}
		for _, name := range []string{"", "  ", strings.Repeat("é", 101)} {
			if _, err := s.Create(t.Context(), "person:ana", "shop", "production", name); !fault.Is(err, fault.CodeInvalid) {
				t.Errorf("named %q: %v", name, err)
			}
		}
		if got, ok := s.Source(web.Key); !ok || got != web {
			t.Errorf("by key: %+v, %v", got, ok)
		}
		turned, err := s.Rotate(t.Context(), "person:ben", "shop", web.ID, "it was in a public repository")
		if err != nil || turned.Key == web.Key {
			t.Fatalf("%+v, %v", turned, err)
		}
		if _, ok := s.Source(web.Key); ok {
			t.Error("the old key is known")
		}
		for range 2 { // the second time it is so already
			if stopped, err := s.Stop(t.Context(), "person:ana", "shop", ios.ID, ""); err != nil || !stopped.Stopped || stopped.Revision != 2 {
				t.Errorf("%+v, %v", stopped, err)
			}
		}
		if got, ok := s.Source(ios.Key); !ok || !got.Stopped {
			t.Errorf("a stopped source: %+v, %v", got, ok)
		}
		if again, err := s.Resume(t.Context(), "person:ana", "shop", ios.ID, ""); err != nil || again.Stopped {
			t.Errorf("%+v, %v", again, err)
		}
		if _, err := s.Stop(t.Context(), "person:ana", "blog", ios.ID, ""); !fault.Is(err, fault.CodeNotFound) {
			t.Errorf("another app's source: %v", err)
		}
		all, err := s.Sources(t.Context(), "shop")
		if err != nil || len(all) != 2 || all[0].Key != turned.Key || all[1].ID != ios.ID {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// What one server changes, another one on the same store follows by the log.
func TestKeysFollowTheLog(t *testing.T) {
	d := dbtest.SQLite(t, db.Options{})
	j := dbtest.Journal(t, d)
	here, there := track.New(d), track.New(d)
	old := create(t, here, "shop", "old")
	dbtest.Run(t, func(ctx context.Context) error { return there.Run(ctx, j) })
	until(t, "it knows what was there", func() bool { _, ok := there.Source(old.Key); return ok })
	fresh := create(t, here, "shop", "fresh")
	until(t, "it knows the new one", func() bool { _, ok := there.Source(fresh.Key); return ok })
	if _, err := here.Rotate(t.Context(), "person:ana", "shop", old.ID, ""); err != nil {
		t.Fatal(err)
	}
	until(t, "it refuses the old key", func() bool { _, ok := there.Source(old.Key); return !ok })
}

func until(t *testing.T, what string, true func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !true(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}
