package shadow

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// sentence says it all of one deploy.
func (j *judging) sentence(d Judged) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s: ", d.Release, d.Time.In(j.o.In).Format("Mon 2 Jan 15:04"))
	switch d.Verdict {
	case TakenBack:
		fmt.Fprintf(&b, "would have been taken back at %s, sparing %s. Side by side: %s", clock(d.At.Unix(), j.o.In), count(d), d.Reason)
	case Indicated:
		fmt.Fprintf(&b, "looks bad from %s on; to go back then would have spared %s. Before and after, an indication: %s", clock(d.At.Unix(), j.o.In), count(d), d.Reason)
	case Healthy:
		b.WriteString("good, side by side: " + d.Reason)
	case NothingSeen:
		b.WriteString("nothing to see, before and after: " + d.Reason)
	case Unknown:
		b.WriteString("cannot be told: " + d.Reason)
	case WayBack:
		b.WriteString(d.Reason)
	}
	b.WriteByte('.')
	if d.WentBack != nil {
		fmt.Fprintf(&b, " The team went back at %s.", clock(d.WentBack.Unix(), j.o.In))
	}
	return b.String()
}

// rose says by how much a vital rose.
func (j *judging) rose(d *Judged, series int) string {
	times := "never seen in the hour before"
	if d.Ratio > 0 {
		times = "to " + strconv.FormatFloat(d.Ratio, 'g', 2, 64) + " times the rate before"
	}
	return fmt.Sprintf("%s rose from %s to %s of %s, %s", j.c.series[series].label, percent(d.RateBefore), percent(d.RateAfter), "requests", times)
}

// count is what was spared: "about 1,900 errors".
func count(d Judged) string {
	if d.Spared == 0 {
		return "nothing, as it had ended"
	}
	what := d.Vital
	if strings.HasPrefix(what, "errors") {
		what = "errors"
	}
	return fmt.Sprintf("about %s %s", judge.Commas(round(d.Spared)), what)
}

// round keeps two digits: what is beyond a rate of before is no better known.
func round(n int64) int64 {
	unit := int64(1)
	for n/unit >= 100 {
		unit *= 10
	}
	return (n + unit/2) / unit * unit
}

// notes are what the reader should know besides.
func (j *judging) notes(deploys []Deploy) []string {
	notes := []string{}
	for _, d := range deploys {
		if _, ok := j.t.hosts.number[d.Host]; d.Host != "" && !ok {
			notes = append(notes, fmt.Sprintf("no request is of host %s, which the deploys name; the log has %s", d.Host, few(j.t.Hosts())))
			break
		}
	}
	if len(deploys) > 0 && j.t.namesReleases() && !slices.ContainsFunc(deploys, func(d Deploy) bool { _, ok := j.t.releases.number[d.Release]; return ok }) {
		notes = append(notes, fmt.Sprintf("the log names releases by other names (%s) than the deploys (%s)", few(j.t.releases.list), deploys[0].Release))
	}
	if j.t.Repeated > 0 {
		notes = append(notes, fmt.Sprintf("%s lines said again what another file had said, and counted once", judge.Commas(j.t.Repeated)))
	}
	return notes
}

func few(list []string) string {
	named := slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
	if len(named) == 0 {
		return "none"
	}
	if len(named) > 3 {
		return strings.Join(named[:3], ", ") + ", …"
	}
	return strings.Join(named, ", ")
}

// summary is the score in words.
func (j *judging) summary() string {
	s := j.report.Score
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d judged side by side, %d by before and after, %d could not be told.", number(s.Deploys, "deploy"), s.SideBySide, s.BeforeAndAfter, s.Unknown)
	fmt.Fprintf(&b, "\nWould have been taken back: %d. By before and after it looks bad: %d.", s.TakenBack, s.Indicated)
	if s.WentBack > 0 {
		fmt.Fprintf(&b, " The team took back %d itself, of which %d are among these.", s.WentBack, s.Agreed)
	}
	if s.Spared > 0 {
		fmt.Fprintf(&b, " Spared: about %s bad requests.", judge.Commas(round(s.Spared)))
	}
	switch {
	case s.Moments > 0:
		fmt.Fprintf(&b, "\nFalse alarms of before and after, measured: of %s without a deploy, %d would have been called bad.", number(s.Moments, "moment"), s.Called)
	default:
		b.WriteString("\nFalse alarms of before and after could not be measured: there are too few hours without a deploy.")
	}
	if s.SideBySide > 0 {
		fmt.Fprintf(&b, "\nSide by side, at most %s of good deploys are called bad, if hosts differ by less than a fifth beyond what they did in the hour before.", percent(j.report.Alpha))
	}
	return b.String()
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return judge.Commas(int64(n)) + " " + what + "s"
}

// percent writes a fraction with two digits: "1.7 %".
func percent(fraction float64) string { return strconv.FormatFloat(fraction*100, 'g', 2, 64) + " %" }
