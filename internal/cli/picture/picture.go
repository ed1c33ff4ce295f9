// Package picture draws a rollout in the terminal: a bar a step, the evidence, what goes on.
package picture

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/words"
)

// Ink is how text is drawn: the zero value without colours.
type Ink struct{ Colours bool }

func (i Ink) paint(code, text string) string {
	if !i.Colours {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (i Ink) good(text string) string { return i.paint("32", text) }
func (i Ink) bad(text string) string  { return i.paint("31", text) }
func (i Ink) dim(text string) string  { return i.paint("2", text) }
func (i Ink) bold(text string) string { return i.paint("1", text) }

// judged paints a word by what it means.
func (i Ink) judged(word string) string {
	switch word {
	case "healthy", "promoted", "done", "passed":
		return i.good(word)
	case "regressed", "rolled_back", "returning", "stopped", "failed":
		return i.bad(word)
	default:
		return word
	}
}

// Draw draws a rollout: a bar a step, the evidence, what goes on.
func Draw(r apiclient.Rollout, i Ink) []string {
	lines := []string{fmt.Sprintf("%s %s/%s: release #%d %s %s  [%s]",
		i.bold(fmt.Sprintf("rollout #%d", r.Number)), r.App, r.Environment, r.Release.Number, words.Short(r.Release.Commit), words.Clip(r.Release.Subject, 60), i.judged(r.State))}
	for _, s := range r.Steps {
		lines = append(lines, stepLine(s, i))
	}
	for _, v := range r.Vitals {
		lines = append(lines, vitalLine(v, i))
	}
	switch {
	case r.Verdict == "none":
	case r.From == nil || r.From.ID == "": // the first release: there is no old one
		lines = append(lines, fmt.Sprintf("  verdict  %s; %d requests", i.judged(r.Verdict), r.RequestsNew))
	default:
		lines = append(lines, fmt.Sprintf("  verdict  %s; %d requests on the new release, %d on the old one", i.judged(r.Verdict), r.RequestsNew, r.RequestsOld))
	}
	lines = append(lines, "  "+r.Sentence)
	for _, reason := range r.Reasons {
		if !strings.Contains(r.Sentence, reason.Text) {
			lines = append(lines, i.dim("  · "+reason.Text))
		}
	}
	return lines
}

const barWidth = 24

func stepLine(s apiclient.Step, i Ink) string {
	n := int(math.Round(stepDone(s, time.Now()) * barWidth))
	held := ""
	if s.HoldBack > 0 {
		held = fmt.Sprintf(", %s held back", words.Percent(s.HoldBack))
	}
	bar := strings.Repeat("█", n) + strings.Repeat("░", barWidth-n)
	return fmt.Sprintf("  %6s  %s  %s  %s", words.Percent(s.Share), bar, i.judged(s.State), i.dim(fmt.Sprintf("watch %gs%s", s.WatchS, held)))
}

// stepDone is the part of a step that is over, 0 to 1.
func stepDone(s apiclient.Step, now time.Time) float64 {
	switch {
	case s.State == "done":
		return 1
	case s.State == "waiting" || s.StartedAt.IsZero():
		return 0
	case s.SettledAt.IsZero() || s.WatchS <= 0:
		return 0.05
	}
	end := now
	if !s.EndedAt.IsZero() {
		end = s.EndedAt
	}
	return min(max(end.Sub(s.SettledAt).Seconds()/s.WatchS, 0.05), 1)
}

func vitalLine(v apiclient.Vital, i Ink) string {
	label := v.Label
	if label == "" {
		label = v.Name
	}
	text := fmt.Sprintf("  %-30s new %s, old %s", words.Clip(label, 30), arm(v.Unit, v.New), arm(v.Unit, v.Old))
	switch {
	case v.Ratio > 0 && v.RatioHigh > 0:
		text += fmt.Sprintf(", %s times (%s to %s)", ratio(v.Ratio), ratio(v.RatioLow), ratio(v.RatioHigh))
	case v.Ratio > 0 && v.RatioLow == 0:
		text += fmt.Sprintf(", %s times", ratio(v.Ratio))
	case v.Ratio > 0:
		text += fmt.Sprintf(", %s times (%s or more)", ratio(v.Ratio), ratio(v.RatioLow))
	}
	return text + fmt.Sprintf(", evidence %s to 1, acts at %s  %s", odds(v.Log10E), odds(v.Log10Threshold), i.judged(v.State))
}

// ratio is a number of times with the digits that matter, written out.
func ratio(x float64) string {
	switch {
	case x >= 1e6:
		return "over a million"
	case x >= 10:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2g", x)
}

// odds is ten to the x in plain digits, two of which count.
func odds(x float64) string {
	switch {
	case x < 0:
		return "none"
	case x >= 9:
		return "over a billion"
	}
	n := math.Pow(10, x)
	unit := math.Pow(10, max(math.Floor(x)-1, 0))
	digits := strconv.FormatInt(int64(math.Round(n/unit)*unit), 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// arm is one side of a vital, in its unit.
func arm(unit string, a apiclient.Arm) string {
	switch unit {
	case "errors":
		return fmt.Sprintf("%.1f each", a.Rate)
	case "cores", "bytes", "load":
		return fmt.Sprintf("%.3g", a.Rate)
	}
	return fmt.Sprintf("%d (%s)", a.Events, words.Percent(a.Rate))
}
