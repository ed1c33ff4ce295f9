package vitals

import (
	"math"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// What a release divides a vital by counts from the beginning of its rollout, on both releases; until then who tries it is told so, and is not given what was counted by something else.
func TestAnotherDivisorCountsFromItsRolloutOn(t *testing.T) {
	s := newSite(t, inDuck)
	for range 2 {
		if v := s.ship(1); v.Outcome != "promoted" {
			t.Fatalf("a release ended %s: %v", v.Outcome, v.Reasons)
		}
	}
	reads := func(per string) string {
		t.Helper()
		found, err := s.rollouts.ReadVitals(t.Context(), "shop", "production", []manifest.Vital{{Name: "order_completed", Event: "order_completed", Per: per, Bad: manifest.Drop}})
		if err != nil || len(found) != 1 {
			t.Fatalf("%+v, %v", found, err)
		}
		return found[0].Text
	}
	const told = "it is counted per page now; per event of any kind counts from the beginning of the rollout that brings it"
	if text := reads("page"); strings.Contains(text, "it is counted per") || !strings.Contains(text, " page, each visitor until the first") {
		t.Errorf("as it is: %q", text)
	}
	if text := reads(""); !strings.Contains(text, told) || strings.Contains(text, "each visitor until the first") {
		t.Errorf("before it is shipped: %q", text)
	}
	s.per = ""
	v := s.ship(1)
	if v.Outcome != "promoted" {
		t.Fatalf("the release that divides by something else ended %s: %v", v.Outcome, v.Reasons)
	}
	for _, one := range v.Vitals { // a third of those who see a page order: an order in four events
		if one.Name == "order_completed" && (one.Label != "order_completed per event" || math.Abs(one.Old.Rate-.25) > .02 || math.Abs(one.New.Rate-.25) > .02) {
			t.Errorf("the vital: %+v", one)
		}
	}
	if text := reads(""); strings.Contains(text, "it is counted per") || !strings.Contains(text, " events of any kind, each visitor until the first") {
		t.Errorf("shipped: %q", text)
	}
}
