package limit

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

// Simulation is what a limit would have done with what was asked.
type Simulation struct {
	From   time.Time        `json:"from" doc:"When the first take was that is known of; what was before counts for nothing"`
	To     time.Time        `json:"to"`
	Points []SimulatedPoint `json:"points"`
	Was    Count            `json:"was" doc:"What was asked, and what the limits did that there were"`
	Denied int64            `json:"denied" doc:"How many asks this limit would have denied"`
	Given  int64            `json:"given" doc:"How much it would have given"`
	Keys   int              `json:"keys" doc:"How many keys asked"`
	Hit    int              `json:"hit" doc:"How many of them would have been denied something"`
	Top    []SimulatedKey   `json:"top" doc:"Those who would have been denied most"`
	Words  string           `json:"words"`
}

// SimulatedPoint is a part of the time.
type SimulatedPoint struct {
	At        time.Time `json:"at"`
	Asks      int64     `json:"asks"`
	WasDenied int64     `json:"was_denied"`
	Denied    int64     `json:"denied"`
}

// SimulatedKey is what the limit would have done with a key.
type SimulatedKey struct {
	Key       string `json:"key"`
	Asks      int64  `json:"asks"`
	WasDenied int64  `json:"was_denied"`
	Denied    int64  `json:"denied"`
}

const (
	// mostSimulated is how many keys are counted at once, and mostSteps how many points a simulation has at most.
	mostSimulated = 2_000_000
	mostSteps     = 200
)

// Simulate asks a limit for what was asked under a group between two times, of whichever limits there were. What came within a tenth of a second is asked at once.
func (s *Service) Simulate(ctx context.Context, app, env, group string, d rate.Limit, from, to time.Time) (Simulation, error) {
	out := Simulation{From: from, To: to, Points: []SimulatedPoint{}, Top: []SimulatedKey{}, Words: Words(d)}
	if err := checkGroup(group, takes.Longest); err != nil {
		return out, err
	}
	rule, err := compiled(d)
	if err != nil {
		return out, err
	}
	if d.Kind == rate.Concurrent {
		return out, fault.Invalid("what was returned, and when, is not kept: a concurrent limit cannot be tried on what was asked; let it count only, by shadow").At("body.definition.kind")
	}
	if !to.After(from) {
		return out, fault.Invalid("the time ends after it begins; %s is not after %s", to.Format(time.RFC3339), from.Format(time.RFC3339)).At("body.to")
	}
	first, err := s.log.TakesSince(ctx, from)
	if err != nil {
		return out, err
	}
	_, last, err := s.log.TakesHeld(ctx)
	if err != nil || last < first {
		return out, err
	}
	sim := simulation{out: &out, group: group, app: app, env: env, again: rate.NewAgain(rule), keys: map[string]*SimulatedKey{}, step: stepOf(to.Sub(from), mostSteps)}
	if err := s.log.ReadTakes(ctx, first-1, last, 256, sim.read); err != nil {
		return out, err
	}
	sim.end()
	return out, nil
}

// stepOf is how long a point is, of at most so many in a time: a length that people count in.
func stepOf(d time.Duration, most int) time.Duration {
	step := time.Minute
	for _, step = range []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour} {
		if d <= time.Duration(most)*step {
			return step
		}
	}
	for d > time.Duration(most)*step {
		step *= 2
	}
	return step
}

type simulation struct {
	out             *Simulation
	app, env, group string
	again           *rate.Again
	keys            map[string]*SimulatedKey
	step            time.Duration
	any             bool
	blocks          takes.Reader
}

func (s *simulation) read(batch []journal.Telemetry) error {
	for _, m := range batch {
		at, rows, err := s.blocks.Block(m.Data)
		if err != nil {
			return err
		}
		if at.Before(s.out.From) || !at.Before(s.out.To) {
			continue
		}
		for i := range rows {
			if r := &rows[i]; r.Asks > 0 && r.App == s.app && r.Env == s.env && (r.Group == s.group || strings.HasPrefix(r.Group, s.group+":")) {
				if err := s.take(at, r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *simulation) take(at time.Time, r *takes.Row) error {
	if !s.any {
		s.any, s.out.From = true, at
	}
	k := s.keys[r.Group]
	if k == nil {
		if len(s.keys) >= mostSimulated {
			return fault.Invalid("more than %d keys asked in that time; choose a shorter one", mostSimulated).At("body.from")
		}
		k = &SimulatedKey{Key: r.Group}
		s.keys[r.Group] = k
	}
	denied, given := s.again.Take(r.Group, at.UnixNano(), r.Asks, r.Asked)
	s.out.Was.add(Count{r.Asks, r.Asked, r.Given, r.Denied, r.Near})
	s.out.Denied, s.out.Given = s.out.Denied+denied, s.out.Given+given
	k.Asks, k.WasDenied, k.Denied = k.Asks+r.Asks, k.WasDenied+r.Denied, k.Denied+denied
	begin := at.Truncate(s.step)
	if n := len(s.out.Points); n == 0 || !s.out.Points[n-1].At.Equal(begin) {
		s.out.Points = append(s.out.Points, SimulatedPoint{At: begin.UTC()})
	}
	p := &s.out.Points[len(s.out.Points)-1]
	p.Asks, p.WasDenied, p.Denied = p.Asks+r.Asks, p.WasDenied+r.Denied, p.Denied+denied
	return nil
}

func (s *simulation) end() {
	s.out.Keys = len(s.keys)
	for _, k := range s.keys {
		if k.Denied > 0 {
			s.out.Hit++
			s.out.Top = append(s.out.Top, *k)
		}
	}
	slices.SortFunc(s.out.Top, func(a, b SimulatedKey) int {
		if a.Denied != b.Denied {
			return int(min(max(b.Denied-a.Denied, -1), 1))
		}
		return strings.Compare(a.Key, b.Key)
	})
	s.out.Top = s.out.Top[:min(len(s.out.Top), listed)]
}
