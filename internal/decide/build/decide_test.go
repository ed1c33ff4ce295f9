package build

import (
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/shard"
)

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		standing
		want State
	}{
		"a list is out":               {standing{Unlisted: 1, Total: 3}, Listing},
		"a list failed, another out":  {standing{Unlisted: 1, Unlistable: 1}, Listing},
		"a list failed, tests run":    {standing{Unlistable: 1, Total: 2, Done: 1}, Testing},
		"a list failed":               {standing{Unlistable: 1, Total: 2, Done: 2}, Failed},
		"tests run":                   {standing{Total: 2, Done: 1}, Testing},
		"red, others still run":       {standing{Total: 2, Done: 1, Failed: 1}, Testing},
		"red":                         {standing{Total: 2, Done: 2, Failed: 1, Package: packageDone}, Failed},
		"green, package waits":        {standing{Total: 2, Done: 2}, Packaging},
		"green, package runs":         {standing{Total: 2, Done: 2, Package: packageRuns}, Packaging},
		"green, package failed":       {standing{Total: 2, Done: 2, Package: packageFailed}, Failed},
		"package failed, tests run":   {standing{Total: 2, Done: 1, Package: packageFailed}, Testing},
		"green and packaged":          {standing{Total: 2, Done: 2, Package: packageDone}, Passed},
		"green, nothing to ship":      {standing{Total: 2, Done: 2, Package: packageNothing}, Passed},
		"green, an older one is open": {standing{Total: 2, Done: 2, Package: packageDone, OlderOpen: true}, Packaging},
		"a hotfix waits for none":     {standing{Package: packageDone, OlderOpen: true, Hurry: true}, Passed},
		"packaged before the tests":   {standing{Total: 2, Done: 0, Package: packageDone}, Testing},
	} {
		if got := judge(c.standing); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestWhoIsServedFirst(t *testing.T) {
	now := time.Unix(1000, 0)
	at := func(seconds int) time.Time { return time.Unix(int64(1000-seconds), 0) }
	all := []candidate{
		{ID: "young-cold", App: "cold", State: Queued, Since: at(3)},
		{ID: "younger-warm", App: "warm", State: Queued, Since: at(1)},
		{ID: "patient-cold", App: "cold", State: Queued, Since: at(60)},
		{ID: "running", App: "cold", State: Testing, Since: at(20)},
		{ID: "running-longer", App: "cold", State: Listing, Since: at(30)},
		{ID: "avoided", App: "warm", State: Testing, Since: at(90), Avoid: true},
		{ID: "hotfix", App: "cold", State: Queued, Since: at(0), Hurry: true},
	}
	var got []string
	for _, c := range inOrder(all, []string{"warm"}, now) {
		got = append(got, c.ID)
	}
	want := "hotfix running-longer running patient-cold younger-warm young-cold"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

func TestWhenThePackageMayRun(t *testing.T) {
	for name, c := range map[string]struct {
		standing
		waiting int
		want    bool
	}{
		"nothing else to do": {standing{Total: 3, Done: 1}, 0, true},
		"units wait":         {standing{Total: 3, Done: 1}, 1, false},
		"red already":        {standing{Total: 3, Done: 1, Failed: 1}, 0, false},
		"not listed yet":     {standing{Unlisted: 1}, 0, false},
		"a list failed":      {standing{Unlistable: 1}, 0, false},
		"it runs":            {standing{Package: packageRuns}, 0, false},
		"it ran":             {standing{Package: packageDone}, 0, false},
		"nothing to ship":    {standing{Package: packageNothing}, 0, false},
	} {
		if got := mayPackage(c.standing, c.waiting); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestNextUnits(t *testing.T) {
	known := func(name string, d time.Duration) shard.Unit {
		return shard.Unit{Name: name, Estimate: shard.Observe(shard.Estimate{}, d)}
	}
	waiting := map[string][]shard.Unit{
		"go": {known("long", time.Minute), known("short", time.Second)},
		"js": {known("long", 2*time.Minute), known("b", 2*time.Minute), known("c", 2*time.Minute), known("d", time.Millisecond)},
	}
	suite, names := nextUnits(shard.Policy{K: 1}, waiting, nil, 1)
	if suite != "js" || len(names) < 2 || names[0] != "long" {
		t.Errorf("got %v of %s", names, suite)
	}
	if _, names = nextUnits(shard.Policy{K: 1}, waiting, map[string]bool{"js": true}, 1); len(names) != 1 {
		t.Errorf("by exit status alone they go one by one, not %v", names)
	}
	if suite, names = nextUnits(shard.Policy{}, nil, nil, 1); suite != "" || names != nil {
		t.Errorf("of nothing came %v of %s", names, suite)
	}
}

func TestSpeed(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	end := func(s int) *time.Time { v := at(s); return &v }
	leases := []Lease{
		{Kind: "list", GrantedAt: at(0), EndedAt: end(5)},
		{Kind: "test", GrantedAt: at(5), EndedAt: end(10)},
		{Kind: "test", GrantedAt: at(6), EndedAt: end(11)},
		{Kind: "test", GrantedAt: at(10), EndedAt: end(13)}, // takes over as the first ends: no third slot
	}
	bound, makespan := speed(leases, 5*time.Second, 13*time.Second)
	if bound != 6.5 || makespan != 8 {
		t.Errorf("bound %v, makespan %v; want 6.5 and 8", bound, makespan)
	}
	if bound, makespan = speed(nil, 0, 0); bound != 0 || makespan != 0 {
		t.Errorf("without leases: %v, %v", bound, makespan)
	}
}
