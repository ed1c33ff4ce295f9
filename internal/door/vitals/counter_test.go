package vitals

import (
	"fmt"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

var orders = manifest.Vital{Name: "order", Event: "order", Per: "page", Bad: manifest.Drop, Weight: 1}

// alone is a counter of which one vital of shop/production is asked.
func alone(q rollout.Queries, v manifest.Vital) (*Counter, *vital) {
	c := &Counter{seed: maphash.MakeSeed(), vitals: map[place][]*vital{}}
	q.App, q.Env, q.Vitals = "shop", "production", []manifest.Vital{v}
	at := place{"shop", "production"}
	c.wanted.Store(&map[place]*wanted{at: {Queries: q, names: map[string]bool{v.Event: true, v.Per: true}, any: v.Per == ""}})
	c.vitals[at] = []*vital{c.keep(at, v, q.Compares, time.Time{})}
	return c, c.vitals[at][0]
}

func (c *Counter) did(release, user, name string, more ...func(*done)) done {
	d := done{place: place{"shop", "production"}, name: name, release: release, who: [2]uint64{0, c.hash('u', user)}}
	for _, f := range more {
		f(&d)
	}
	return d
}

func comparing() rollout.Queries {
	q := rollout.Queries{Compares: "rol_1", Split: "trf_2"}
	q.Serves("rel_1", "rel_2")
	return q
}

// A visitor counts until the first event, under whichever id; and what is no evidence is told apart.
func TestWhatCounts(t *testing.T) {
	c, v := alone(comparing(), orders)
	counts := map[cell]map[string]int64{}
	take := func(all ...done) {
		for i := range all {
			c.count(&all[i], counts)
		}
	}
	device := func(id string) func(*done) { return func(d *done) { d.who[0] = c.hash('a', id) } }
	take(
		c.did("rel_1", "", "page", device("a")), c.did("rel_1", "", "page", device("a")),
		c.did("rel_1", "ana", "order", device("a")),                              // signs in as she orders
		c.did("rel_1", "ana", "order"), c.did("rel_1", "", "order", device("a")), // neither id counts again
		c.did("rel_1", "ana", "page"), c.did("rel_1", "ben", "page", device("a")), // nor is at risk any more
		c.did("rel_2", "cem", "page"), c.did("rel_2", "cem", "other"), //
		c.did("", "dan", "order"), c.did("rel_0", "dan", "order"), c.did("rel_2", "", "order"),
		c.did("rel_2", "dan", "order", func(d *done) { d.late = true }),
		c.did("rel_2", "dan", "order", func(d *done) { d.split, d.browser = "trf_1", true }),
		c.did("rel_2", "dan", "order", func(d *done) { d.browser = true }),
		c.did("rel_2", "dan", "order", func(d *done) { d.split, d.browser = "trf_2", true }),
		c.did("rel_2", "eli", "order", func(d *done) { d.host, d.browser = "agt_1", true }), // of a server, with the browser that asked it
	)
	one, two := counts[cell{"shop", "production", "rel_1", ""}], counts[cell{"shop", "production", "rel_2", ""}]
	if len(counts) != 2 || one["event/order per page"] != 1 || one["event/order per page/per"] != 2 || two["event/order per page"] != 2 || two["event/order per page/per"] != 1 {
		t.Errorf("counted %v", counts)
	}
	for why, n := range map[reason]int64{counted: 3, unnamed: 1, elsewhere: 1, nobody: 1, long: 1, earlier: 1, undated: 1, again: 2} {
		if v.tally[why] != n {
			t.Errorf("reason %d: %d, want %d", why, v.tally[why], n)
		}
	}
}

// Where hosts are compared an event needs one, and one release alone is not compared with anything.
func TestWhatCountsByHostAndAlone(t *testing.T) {
	q := comparing()
	q.ByHost = true
	q.Holds("agt_1", "eu1")
	c, v := alone(q, orders)
	counts := map[cell]map[string]int64{}
	for i, host := range []string{"", "agt_9", "agt_1"} {
		d := c.did("rel_1", fmt.Sprint(i), "order", func(d *done) { d.host = host })
		c.count(&d, counts)
	}
	if v.tally[homeless] != 2 || len(counts) != 1 || counts[cell{"shop", "production", "rel_1", "agt_1"}]["event/order per page"] != 1 {
		t.Errorf("by host: %v, %v", counts, v.tally)
	}
	q = comparing()
	q.Compares, q.Split = "", ""
	c, v = alone(q, manifest.Vital{Name: "order", Event: "order", Bad: manifest.Drop})
	counts = map[cell]map[string]int64{}
	for _, d := range []done{
		c.did("rel_1", "ana", "page", func(d *done) { d.browser = true }), c.did("rel_1", "ana", "clicked"), c.did("rel_1", "ana", ""),
		c.did("rel_1", "ana", "order", func(d *done) { d.split = "trf_0" }), c.did("rel_1", "ana", "page"),
	} {
		c.count(&d, counts)
	}
	if n := counts[cell{"shop", "production", "rel_1", ""}]; n["event/order"] != 1 || n["event/order/per"] != 3 {
		t.Errorf("alone, per event: %v, %v", counts, v.tally)
	}
}

// More visitors than there is room for become a sample, which says nothing of their release.
func TestVisitorsBeyondTheRoomAreSampled(t *testing.T) {
	c, v := alone(comparing(), orders)
	v.most = 1000
	counts := map[cell]map[string]int64{}
	for i := range 20_000 {
		d := c.did([]string{"rel_1", "rel_2"}[i%2], fmt.Sprint(i), "order")
		c.count(&d, counts)
		c.count(&d, counts)
	}
	one, two := counts[cell{"shop", "production", "rel_1", ""}]["event/order per page"], counts[cell{"shop", "production", "rel_2", ""}]["event/order per page"]
	if len(v.seen) > 1000 || one+two < 3000 || one+two > 8000 || math.Abs(float64(one-two)) > 5*math.Sqrt(float64(one+two)) {
		t.Errorf("%d and %d counted, %d remembered", one, two, len(v.seen))
	}
}

// Visitors are begun anew with each rollout, and every ten minutes without one.
func TestWhenVisitorsCountAnew(t *testing.T) {
	c, v := alone(comparing(), orders)
	v.had([2]uint64{0, 7})
	at, now := place{"shop", "production"}, time.Unix(1_800_000_000, 0)
	if c.keep(at, orders, "rol_1", now) != v || len(v.seen) != 1 {
		t.Error("the same rollout begins anew")
	}
	calm := c.keep(at, orders, "", now)
	if calm == v {
		t.Fatal("its end does not begin anew")
	}
	c.vitals[at] = []*vital{calm}
	calm.had([2]uint64{0, 7})
	if c.keep(at, orders, "", now.Add(anew-time.Second)); len(calm.seen) != 1 {
		t.Error("it is forgotten too soon")
	}
	if c.keep(at, orders, "", now.Add(anew)); len(calm.seen) != 0 {
		t.Error("it is not forgotten")
	}
}

// world is one rollout's visitors as the counter and then the judge see them: each second some come, stay, and do things in bursts, the busiest a hundred times as often as most.
func world(seed uint64, orders func(release string) float64) judge.Outcome {
	const share, coming, stay = .5, 4, 120
	rng := rand.New(rand.NewPCG(seed, 11))
	c, _ := alone(comparing(), manifest.Vital{Name: "order", Event: "order", Per: "page", Bad: manifest.Drop})
	p := judge.Policy{Unit: judge.ByVisitor, Alpha: .05, RuleOut: 2, Vitals: []judge.VitalSpec{{Name: "order", Weight: 1, Bad: judge.Drop}}}
	state := judge.NewState(p)
	type visitor struct {
		name, release string
		busy          float64
		until         int
	}
	var here []visitor
	counts := map[cell]map[string]int64{}
	for second := range 420 {
		for range coming {
			v := visitor{name: fmt.Sprint(second, "/", rng.Uint64()), release: "rel_1", busy: .02 * math.Exp(1.5*rng.NormFloat64()), until: second + 1 + rng.IntN(2*stay)}
			if rng.Float64() < share {
				v.release = "rel_2"
			}
			here = append(here, v)
		}
		left := here[:0]
		for _, v := range here {
			if rng.Float64() < v.busy {
				for range 1 + rng.IntN(10) {
					d := c.did(v.release, v.name, "page")
					if rng.Float64() < .02*orders(v.release) {
						d.name = "order"
					}
					c.count(&d, counts)
				}
			}
			if v.until > second {
				left = append(left, v)
			}
		}
		here = left
		if second%10 == 9 {
			of := func(release, name string) int64 { return counts[cell{"shop", "production", release, ""}][name] }
			k := judge.Count{New: of("rel_2", "event/order per page"), Old: of("rel_1", "event/order per page")}
			k.AtRiskNew, k.AtRiskOld = max(k.New, of("rel_2", "event/order per page/per")), max(k.Old, of("rel_1", "event/order per page/per"))
			if err := state.Fold(p, judge.Tick{Second: int64(second), Share: share, Counts: map[string]judge.Count{"order": k}}); err != nil {
				panic(err)
			}
			clear(counts)
			if judge.Judge(p, state).Outcome == judge.Regressed {
				return judge.Regressed
			}
		}
	}
	return judge.Judge(p, state).Outcome
}

// Visitors who do a thing many times, in bursts and over minutes, make no false alarm; where half of the orders are missing that is seen.
func TestVisitorsWhoDoThingsInBursts(t *testing.T) {
	const rollouts = 120
	alarms, found := 0, 0
	for seed := range uint64(rollouts) {
		if world(seed, func(string) float64 { return 1 }) == judge.Regressed {
			alarms++
		}
		if seed < rollouts/4 && world(seed, func(release string) float64 { return map[string]float64{"rel_1": 1, "rel_2": .5}[release] }) == judge.Regressed {
			found++
		}
	}
	t.Logf("%d of %d alike came back, %d of %d with few orders", alarms, rollouts, found, rollouts/4)
	if alarms > rollouts*5/100+9 { // alpha, and three standard errors
		t.Errorf("%d of %d releases that change nothing come back", alarms, rollouts)
	}
	if found < rollouts/4*9/10 {
		t.Errorf("%d of %d releases with few orders come back", found, rollouts/4)
	}
}
