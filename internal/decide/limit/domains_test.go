package limit_test

import (
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/decide/limit"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/envoylimit"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

const perUser = "domain: web\ndescriptors:\n  - key: user\n    rate_limit: {unit: hour, requests_per_unit: 2}\n"

func TestDomains(t *testing.T) {
	w := newWorld(t)
	for yaml, want := range map[string]string{
		"domain: web\ndescriptors:\n  - key: user\n    rate_limit: {unit: fortnight, requests_per_unit: 2}\n": "4:24",
		"domain: other\ndescriptors:\n  - key: user\n":                                                        "other",
		"domain: web\n# " + strings.Repeat("x", 2<<20):                                                        "bytes",
	} {
		_, err := w.limits.SetDomain(t.Context(), ana, "", limit.Domain{App: "shop", Name: "web", YAML: yaml})
		if !fault.Is(err, fault.CodeInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", yaml, err, want)
		}
	}
	d, err := w.limits.SetDomain(t.Context(), ana, "", limit.Domain{App: "shop", Name: "web", YAML: perUser})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.limits.SetDomain(t.Context(), "person:bo", "", limit.Domain{App: "shop", Name: "web", YAML: perUser}); !fault.Is(err, fault.CodeConflict) {
		t.Errorf("a domain that is there: %v", err)
	}
	entry := []envoylimit.Entry{{Key: "user", Value: "ana"}}
	m := w.limits.Config("shop", "production", "web").Match(entry)
	if m.Limit == nil || m.Limit.Defined.App != "shop" || m.Limit.Defined.Env != "production" {
		t.Fatalf("%+v", m)
	}
	if w.limits.Config("shop", "production", "nothing") != nil || w.limits.Config("other", "production", "web") != nil {
		t.Error("there is no such domain")
	}
	// What was taken is read back by the name of the limit that is in the log.
	if found := w.limits.Find("shop", "production", m.Limit.Defined.Group); found == nil || found.Series != m.Limit.Defined.Series {
		t.Errorf("%s is not found again: %+v", m.Limit.Defined.Group, found)
	}
	var a [1]rate.Answer
	if err := w.takes.Take(t.Context(), []takes.Ask{{Limit: m.Limit.Defined, Group: m.Group, Amount: 2}}, a[:]); err != nil || !a[0].Passed {
		t.Fatalf("%+v %v", a, err)
	}
	d.YAML = strings.Replace(perUser, ": 2}", ": 3}", 1)
	if d, err = w.limits.SetDomain(t.Context(), ana, "", d); err != nil {
		t.Fatal(err)
	}
	m = w.limits.Config("shop", "production", "web").Match(entry)
	if err := w.takes.Take(t.Context(), []takes.Ask{{Limit: m.Limit.Defined, Group: m.Group, Amount: 2}}, a[:]); err != nil || a[0].Passed || a[0].Left != 1 {
		t.Errorf("another amount goes on from what was taken: %+v %v", a, err)
	}
	if err := w.limits.RemoveDomain(t.Context(), ana, "shop", "web", "", d.Revision-1); !fault.Is(err, fault.CodeConflict) {
		t.Errorf("remove what was not seen: %v", err)
	}
	if err := w.limits.RemoveDomain(t.Context(), ana, "shop", "web", "", d.Revision); err != nil {
		t.Fatal(err)
	}
	if w.limits.Config("shop", "production", "web") != nil {
		t.Error("it is still there")
	}
}
