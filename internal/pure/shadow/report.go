package shadow

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/replay"
)

// Options are what a report depends on besides what was counted. The zero value of each is its default.
type Options struct {
	// Alpha is the chance of a false alarm that is allowed to each deploy; by default one false alarm a month, by how many deploys there are (judge.AlphaFor).
	Alpha float64
	// RuleOut is the harm that healthy excludes, side by side; 2.
	RuleOut float64
	// Settle is how long after a deploy nothing counts, while processes restart; 2 minutes. Negative for none.
	Settle time.Duration
	// In is the time zone that sentences are written in; UTC.
	In *time.Location
}

// Method is how a deploy was judged.
type Method string

// The two ways, and none.
const (
	SideBySide     Method = "side_by_side"
	BeforeAndAfter Method = "before_and_after"
	NotJudged      Method = "none"
)

// Verdict is what is said of a deploy.
type Verdict string

const (
	// TakenBack: side by side, the new release did harm. Slipway would have taken it back.
	TakenBack Verdict = "taken_back"
	// Indicated: by before and after, it looks like harm.
	Indicated Verdict = "indicated"
	// Healthy: side by side, the harm to rule out is excluded.
	Healthy Verdict = "healthy"
	// NothingSeen: by before and after, there was no rise beyond what is usual.
	NothingSeen Verdict = "nothing_seen"
	// Unknown: there is too little to tell. Reason says of what.
	Unknown Verdict = "unknown"
	// WayBack: it is itself the way back to an older release, and is not judged.
	WayBack Verdict = "way_back"
)

// Judged is one deploy with what is said of it.
type Judged struct {
	Time    time.Time `json:"time"`
	Release string    `json:"release"`
	Method  Method    `json:"method" enum:"side_by_side,before_and_after,none"`
	Verdict Verdict   `json:"verdict" enum:"taken_back,indicated,healthy,nothing_seen,unknown,way_back"`
	// At is when it would have been said; nil where nothing was.
	At *time.Time `json:"at,omitempty"`
	// Vital is what rose, and by how much: before and after, or, side by side, on the old release and on the new one. Ratio is 0 where it was never seen before.
	Vital      string  `json:"vital,omitempty"`
	RateBefore float64 `json:"rate_before,omitempty"`
	RateAfter  float64 `json:"rate_after,omitempty"`
	Ratio      float64 `json:"ratio,omitempty"`
	// Spared is how many errors (or, where Vital is one of them, slow requests) there were after At, beyond what the rate before would have given, until SparedUntil: the next deploy, a day later, or the end of the log.
	Spared      int64      `json:"spared"`
	SparedUntil *time.Time `json:"spared_until,omitempty"`
	// WentBack is when the team itself went back to an older release.
	WentBack *time.Time `json:"went_back,omitempty"`
	Reason   string     `json:"reason"`
	Sentence string     `json:"sentence"`
}

// Score is all deploys together.
type Score struct {
	Deploys    int `json:"deploys"` // without ways back
	SideBySide int `json:"side_by_side"`
	// BeforeAndAfter are those judged by that.
	BeforeAndAfter int `json:"before_and_after"`
	Unknown        int `json:"unknown"`
	TakenBack      int `json:"taken_back"`
	Indicated      int `json:"indicated"`
	// WentBack is how many of those that could be told the team took back itself, Agreed how many of those are among TakenBack and Indicated.
	WentBack int `json:"went_back"`
	Agreed   int `json:"agreed"`
	// Spared are bad requests, all deploys together.
	Spared int64 `json:"spared"`
	// Moments are the placebos: moments without a deploy at which before and after were compared in the same way; Called is how many would have been called bad.
	Moments int `json:"moments"`
	Called  int `json:"called"`
}

// Report is what Slipway would have said.
type Report struct {
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Requests int64     `json:"requests"`
	Errors   int64     `json:"errors"`
	Alpha    float64   `json:"alpha"`
	AlphaWhy string    `json:"alpha_why"`
	Deploys  []Judged  `json:"deploys"`
	Score    Score     `json:"score"`
	Notes    []string  `json:"notes"`
	Summary  string    `json:"summary"`
}

// judging is a report while it is made.
type judging struct {
	t       *Traffic
	o       Options
	c       *calendar
	pushes  []push
	history *history
	settle  int // minutes
	report  Report
}

// Judge says what Slipway would have said of the deploys. Without any, they are taken from the releases that the log names.
func Judge(t *Traffic, deploys []Deploy, o Options) (Report, error) {
	if len(t.cells) == 0 {
		return Report{}, errors.New("there are no requests to judge by: no line was read; are these the right files, and are they not empty?")
	}
	if o.Settle == 0 {
		o.Settle = 2 * time.Minute
	}
	o.Settle = max(o.Settle, 0)
	if o.Settle > 30*time.Minute {
		return Report{}, fmt.Errorf("settle %v: must be at most 30 minutes", o.Settle)
	}
	o.RuleOut, o.In = cmp.Or(o.RuleOut, 2), cmp.Or(o.In, time.UTC)
	j := &judging{t: t, o: o, c: t.calendar(), pushes: pushes(deploys), settle: int((o.Settle + time.Minute - 1) / time.Minute)}
	if len(deploys) == 0 {
		if !t.namesReleases() {
			return Report{}, errors.New("there are no deploys, and the log names no releases: give --deploys, --git-tags or --webhooks")
		}
		j.pushes = t.told()
	}
	if err := j.alpha(); err != nil {
		return Report{}, err
	}
	j.history = j.c.learn(j.times(), j.settle)
	for i := range j.pushes {
		if j.pushes[i].baseline {
			continue
		}
		judged, err := j.judge(i)
		if err != nil {
			return Report{}, err
		}
		j.report.Deploys = append(j.report.Deploys, judged)
	}
	j.placebos()
	j.finish(deploys)
	return j.report, nil
}

// alpha fixes what is allowed to each deploy.
func (j *judging) alpha() error {
	r := &j.report
	r.From, r.Until = moment64(j.c.start), moment64(j.c.end())
	if r.Alpha = j.o.Alpha; r.Alpha != 0 {
		r.AlphaWhy = fmt.Sprintf("a false alarm in at most %s of good deploys was asked for", percent(r.Alpha))
	} else {
		n := 0
		for _, p := range j.pushes {
			if !p.baseline && p.start >= j.c.start && p.start < j.c.end() {
				n++
			}
		}
		days := max(float64(j.c.n)/1440, 1)
		var err error
		if r.Alpha, r.AlphaWhy, err = judge.AlphaFor(1, float64(n)*30/days); err != nil {
			return err
		}
	}
	if !(r.Alpha > 0 && r.Alpha <= 0.5) {
		return fmt.Errorf("alpha %v: must be above 0 and at most 0.5", r.Alpha)
	}
	j.o.Alpha = r.Alpha
	return nil
}

// times are the minutes of all deploys, each host's of its own.
func (j *judging) times() (all []int) {
	for _, p := range j.pushes {
		all = append(all, j.c.at(p.start))
		for _, at := range p.hosts {
			all = append(all, j.c.at(at))
		}
		if p.back != never {
			all = append(all, j.c.at(p.back))
		}
	}
	return all
}

// next is when the state of a push ends: the next one, or its own way back.
func (j *judging) next(i int) int64 {
	end := min(j.c.end(), j.pushes[i].back)
	for _, p := range j.pushes[i+1:] {
		if p.start > j.pushes[i].start {
			end = min(end, p.start)
			break
		}
	}
	return end
}

// judge judges one push.
func (j *judging) judge(i int) (Judged, error) {
	p := &j.pushes[i]
	d := Judged{Time: moment64(p.start), Release: p.release, Method: NotJudged, Verdict: Unknown}
	if p.back != never {
		d.WentBack = pointer(moment64(p.back))
	}
	switch {
	case p.way:
		d.Verdict, d.Reason = WayBack, "the way back to an older release"
	case p.start < j.c.start || p.start >= j.c.end():
		d.Reason = "the log does not cover it"
	default:
		r, ok, err := j.t.sideBySide(p, j.c.limits, j.next(i), j.o)
		if err != nil {
			return d, fmt.Errorf("judge %s: %w", p.release, err)
		}
		if ok && (r.Verdict == judge.Regressed || r.Verdict == judge.Healthy) {
			j.side(&d, i, r)
			break
		}
		j.before(&d, i)
		if ok && d.Verdict == Unknown {
			d.Method, d.Reason = SideBySide, r.Reasons[0]
		}
	}
	d.Sentence = j.sentence(d)
	return d, nil
}

// side fills in what the comparison side by side said.
func (j *judging) side(d *Judged, i int, r replay.Result) {
	d.Method, d.Verdict, d.Reason = SideBySide, Healthy, r.Reasons[0]
	if r.Verdict != judge.Regressed {
		return
	}
	d.Verdict = TakenBack
	series := j.c.seriesOf(r.Vital)
	m := j.c.at(j.pushes[i].start)
	j.harm(d, i, series, r.AtSecond+tick, max(m-before, 0), m)
	d.Ratio = r.Ratio
	for _, e := range r.Vitals {
		if e.Name == r.Vital {
			d.RateBefore, d.RateAfter = e.RateOld, e.RateNew
		}
	}
}

// before fills in what before and after said.
func (j *judging) before(d *Judged, i int) {
	p := &j.pushes[i]
	m, from := j.c.at(p.start), 0
	for _, q := range j.pushes[:i] {
		if !q.baseline {
			from = max(from, j.c.at(q.start)+1+j.settle)
		}
		if q.back != never && q.back <= p.start {
			from = max(from, j.c.at(q.back)+1)
		}
	}
	end := j.c.at(j.next(i))
	spreads, moments := j.history.spreads(m)
	since, minutes := m-max(from, m-before, 0), min(end, m+j.settle+horizon)-m-j.settle
	switch {
	case since < leastBefore || !j.c.full(m-since, m):
		d.Reason = fmt.Sprintf("there are only %d minutes with requests before it and after the deploy before; %d are needed", max(since, 0), leastBefore)
		return
	case minutes < leastAfter || !j.c.full(m+j.settle, m+j.settle+minutes):
		d.Reason = fmt.Sprintf("there are only %d minutes with requests between it and the next deploy or the end; %d are needed", max(minutes, 0), leastAfter)
		return
	case moments < enough:
		d.Reason = fmt.Sprintf("what is usual is not known: the log has %d hours without a deploy nearby, and %d are needed", moments, enough)
		return
	}
	d.Method = BeforeAndAfter
	f := j.c.after(m, from, end, spreads, j.settle, j.o.Alpha)
	switch {
	case f.called:
		d.Verdict = Indicated
		d.RateBefore, d.RateAfter = rate(f.y, f.k), rate(f.x, f.n)
		if d.RateBefore > 0 {
			d.Ratio = d.RateAfter / d.RateBefore
		}
		j.harm(d, i, f.series, j.c.second(f.at), m-since, m)
		d.Reason = j.rose(d, f.series)
	case f.shown == 0:
		d.Verdict, d.Reason = Unknown, fmt.Sprintf("with so few requests not even ten times the errors would have shown within %d minutes", f.minutes)
	default:
		d.Verdict, d.Reason = NothingSeen, fmt.Sprintf("within %d minutes nothing rose beyond what is usual; errors at %g times the rate before would have shown", f.minutes, f.shown)
	}
}

// harm fills in what rose, and what going back at once would have spared, by the rate in the minutes from a to before b.
func (j *judging) harm(d *Judged, i, which int, at int64, a, b int) {
	d.At, d.Vital = pointer(moment64(at)), j.c.series[which].label
	until := min(j.next(i), at+day)
	d.SparedUntil = pointer(moment64(until))
	from, to := min(j.c.at(at+minute-1), j.c.n), j.c.at(until)
	if to <= from {
		return
	}
	beyond := func(s *series) int64 {
		y, k := s.between(a, b)
		x, n := s.between(from, to)
		return max(0, int64(float64(x)-rate(y, k)*float64(n)+0.5))
	}
	d.Spared = beyond(&j.c.series[which])
	if j.c.isErrors(which) { // a route is named because it showed first, and seldom fails alone
		d.Spared = max(d.Spared, beyond(&j.c.series[0]))
	}
}

// placebos runs the test of before and after at moments at which nothing was deployed.
func (j *judging) placebos() {
	for _, m := range j.history.moments {
		spreads, n := j.history.spreads(m)
		if n < enough {
			continue
		}
		j.report.Score.Moments++
		if j.c.after(m, 0, m+j.settle+horizon, spreads, j.settle, j.o.Alpha).called {
			j.report.Score.Called++
		}
	}
}

// finish adds up.
func (j *judging) finish(deploys []Deploy) {
	r := &j.report
	r.Requests, r.Errors = j.c.series[0].of[j.c.n], j.c.series[0].events[j.c.n]
	slices.SortStableFunc(r.Deploys, func(a, b Judged) int { return a.Time.Compare(b.Time) })
	s := &r.Score
	for _, d := range r.Deploys {
		if d.Verdict == WayBack {
			continue
		}
		s.Deploys++
		switch {
		case d.Verdict == Unknown:
			s.Unknown++
		case d.Method == SideBySide:
			s.SideBySide++
		default:
			s.BeforeAndAfter++
		}
		bad := d.Verdict == TakenBack || d.Verdict == Indicated
		switch d.Verdict {
		case TakenBack:
			s.TakenBack++
		case Indicated:
			s.Indicated++
		}
		if d.WentBack != nil && d.Verdict != Unknown {
			s.WentBack++
			if bad {
				s.Agreed++
			}
		}
		s.Spared += d.Spared
	}
	r.Notes = j.notes(deploys)
	r.Summary = j.summary()
}

func rate(x, n int64) float64 {
	if n == 0 {
		return 0
	}
	return float64(x) / float64(n)
}

func moment64(second int64) time.Time { return time.Unix(second, 0).UTC() }

func pointer[T any](v T) *T { return &v }
