package waffle_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/door/waffle"
)

// kept are the flags of the app by kind and name.
func (w *world) kept() map[string]flag.Flag {
	w.Helper()
	all, err := w.flags.Flags(w.Context(), "shop", true)
	if err != nil {
		w.Fatal(err)
	}
	out := map[string]flag.Flag{}
	for _, f := range all {
		out[string(f.Kind)+":"+f.Name] = f
	}
	return out
}

const missingAll = `{"flags":["f"],"switches":["s"],"samples":["p"]}`

// What there is not has the default, and is logged once.
func TestMissing(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		got := w.check(missingAll)
		for kind, is := range map[string]told{"flag": got.Flags["f"], "switch": got.Switches["s"], "sample": got.Samples["p"]} {
			if is.Active || !is.Missing || is.Reason != "missing" {
				t.Errorf("%s: %+v", kind, is)
			}
		}
	}
	w.settings(func(s *flag.Settings) { s.MissingOn = true })
	if got := w.check(missingAll); !got.Flags["f"].Active || got.Switches["s"].Active || got.Samples["p"].Active {
		t.Errorf("%+v", got)
	}
	if n := strings.Count(w.logs.String(), "what there is not"); n != 3 || len(w.kept()) != 0 {
		t.Errorf("%d lines, %d flags:\n%s", n, len(w.kept()), w.logs.String())
	}
}

// What servers ask for is created once, as it was where it was missing, however many ask at once; clients create nothing.
func TestMissingIsCreated(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := on(t, d)
		w.settings(func(s *flag.Settings) { s.CreateMissing, s.MissingOn = true, true })
		w.status(http.DefaultClient, w.open, "&f=1&dwft_f=1")
		w.check(`{"flags":["f"],"read_only":true}`)
		if len(w.kept()) != 0 {
			t.Fatalf("%v", w.kept())
		}
		if _, err := w.flags.CreateKey(t.Context(), ana, flag.Key{App: "shop", Environment: "staging", Name: "staging", Kind: "server"}, false); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { w.check(missingAll) })
		}
		all.Wait()
		kept := w.kept()
		f := kept["flag:f"]
		if len(kept) != 3 || f.CreatedBy != "system:waffle" || len(f.States) != 2 || len(kept["switch:s"].States)+len(kept["sample:p"].States) != 0 {
			t.Fatalf("%+v", kept)
		}
		if got := w.check(missingAll); !got.Flags["f"].Active || got.Flags["f"].Missing || got.Flags["f"].Reason != "everyone" || got.Switches["s"].Missing || got.Switches["s"].Active || got.Samples["p"].Active {
			t.Errorf("%+v", got)
		}
		if n := strings.Count(w.logs.String(), "is created"); n != 3 || strings.Count(w.logs.String(), "WARN") > 0 {
			t.Errorf("%d lines:\n%s", n, w.logs.String())
		}
		// What cannot be created is said once, and the default counts on.
		w.settings(func(s *flag.Settings) { s.Approvals = []string{"production"} })
		for range 2 {
			if got := w.check(`{"flags":["g","not a name"]}`); !got.Flags["g"].Active || !got.Flags["not a name"].Missing {
				t.Errorf("%+v", got)
			}
		}
		if n := strings.Count(w.logs.String(), "cannot be created"); n != 2 || len(w.kept()) != 3 || !strings.Contains(w.logs.String(), "approval") {
			t.Errorf("%d lines:\n%s", n, w.logs.String())
		}
		// It is tried again a while later, and not before.
		w.settings(func(s *flag.Settings) { s.Approvals = nil })
		if w.check(`{"flags":["g"]}`); len(w.kept()) != 3 {
			t.Error("it is tried again at once")
		}
		w.later = time.Minute
		if w.check(`{"flags":["g"]}`); len(w.kept()) != 4 {
			t.Error("it is not tried again")
		}
	})
}

// Not more are created than may be, whoever asks for what at the same time; those out of use count.
func TestMissingIsBounded(t *testing.T) {
	w := newWorld(t)
	if waffle.MostCreated != 1000 {
		t.Errorf("%d is not what is said", waffle.MostCreated)
	}
	w.door.Most(20)
	for i := range 5 {
		f, err := w.flags.Create(t.Context(), "system:waffle", "", flag.Flag{App: "shop", Kind: flag.Switch, Name: fmt.Sprint("old", i)})
		if err == nil && i == 0 {
			_, err = w.flags.Archive(t.Context(), ana, "shop", f.ID, "", f.Revision)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.make(flag.Flag{Name: "own"}, nil)
	w.settings(func(s *flag.Settings) { s.CreateMissing = true })
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			names := []string{}
			for j := range 10 {
				names = append(names, fmt.Sprintf("new%d-%d", i, j))
			}
			body, _ := json.Marshal(map[string]any{"flags": names})
			w.check(string(body))
		})
	}
	all.Wait()
	if n := len(w.kept()); n != 21 {
		t.Errorf("%d are kept", n)
	}
	if n := strings.Count(w.logs.String(), "create it by hand"); n != 25 {
		t.Errorf("%d are refused:\n%s", n, w.logs.String())
	}
}
