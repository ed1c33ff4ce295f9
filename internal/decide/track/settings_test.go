package track_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/fault"
)

func TestSettings(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := track.New(d)
		usual, err := s.Settings(t.Context(), "shop")
		if err != nil || usual.KeepDays != 0 || usual.IP != track.IPTruncate || len(usual.Hidden) != 0 || usual.Revision != 0 {
			t.Fatalf("of an app that said nothing: %+v, %v", usual, err)
		}
		set := func(to track.Settings) (track.Settings, error) {
			return s.SetSettings(t.Context(), "person:ana", "shop", "the law", to)
		}
		first, err := set(track.Settings{KeepDays: 30, IP: track.IPNone, Hidden: []string{"phone", " email ", "phone"}})
		if err != nil || first.Revision != 1 || !slices.Equal(first.Hidden, []string{"email", "phone"}) || first.ChangedBy != "person:ana" {
			t.Fatalf("%+v, %v", first, err)
		}
		if got := s.Rules("shop").Settings; got.KeepDays != 30 || got.IP != track.IPNone || s.Rules("blog").Settings.KeepDays != 0 {
			t.Errorf("the rules are %+v", got)
		}
		if _, err := set(track.Settings{KeepDays: 31, IP: track.IPNone}); !fault.Is(err, fault.CodeConflict) { // seen before the first change
			t.Errorf("a second change of what was: %v", err)
		}
		if again, err := set(track.Settings{IP: track.IPFull, Revision: 1}); err != nil || again.Revision != 2 {
			t.Errorf("%+v, %v", again, err)
		}
		if got, err := s.Settings(t.Context(), "shop"); err != nil || got.IP != track.IPFull || got.KeepDays != 0 || len(got.Hidden) != 0 {
			t.Errorf("%+v, %v", got, err)
		}
		for field, bad := range map[string]track.Settings{
			"keep_days": {KeepDays: -1, IP: track.IPFull}, "ip": {IP: "some"}, "hidden": {IP: track.IPFull, Hidden: []string{"a..b"}},
		} {
			bad.Revision = 2
			if _, err := set(bad); !fault.Is(err, fault.CodeInvalid) {
				t.Errorf("%s: %v", field, err)
			}
		}
		if _, err := set(track.Settings{IP: track.IPFull, Hidden: []string{strings.Repeat("a", 201)}, Revision: 2}); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("a long name: %v", err)
		}
	})
}

func TestRulesFollowTheLog(t *testing.T) {
	d := dbtest.SQLite(t, db.Options{})
	j := dbtest.Journal(t, d)
	here, there := track.New(d), track.New(d)
	old := create(t, here, "shop", "web")
	dbtest.Run(t, func(ctx context.Context) error { return there.Run(ctx, j) })
	until(t, "it follows", func() bool { _, ok := there.Source(old.Key); return ok })
	if _, err := here.SetSettings(t.Context(), "person:ana", "shop", "", track.Settings{IP: track.IPNone}); err != nil {
		t.Fatal(err)
	}
	until(t, "it knows the new rules", func() bool { return there.Rules("shop").Settings.IP == track.IPNone })
}
