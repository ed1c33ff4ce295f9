package cli

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
)

// ink is how text is drawn: the zero value without colours.
type ink struct{ colours bool }

func (i ink) paint(code, text string) string {
	if !i.colours {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (i ink) good(text string) string { return i.paint("32", text) }
func (i ink) bad(text string) string  { return i.paint("31", text) }
func (i ink) dim(text string) string  { return i.paint("2", text) }
func (i ink) bold(text string) string { return i.paint("1", text) }

// judged paints a word by what it means.
func (i ink) judged(word string) string {
	switch word {
	case "healthy", "promoted", "done", "passed":
		return i.good(word)
	case "regressed", "rolled_back", "returning", "stopped", "failed":
		return i.bad(word)
	default:
		return word
	}
}

// picture draws a rollout: a bar a step, the evidence, what goes on.
func picture(r apiclient.Rollout, i ink) []string {
	lines := []string{fmt.Sprintf("%s %s/%s: release #%d %s %s  [%s]",
		i.bold(fmt.Sprintf("rollout #%d", r.Number)), r.App, r.Environment, r.Release.Number, short(r.Release.Commit), clip(r.Release.Subject, 60), i.judged(r.State))}
	for _, s := range r.Steps {
		lines = append(lines, stepLine(s, i))
	}
	for _, v := range r.Vitals {
		lines = append(lines, vitalLine(v, i))
	}
	if r.Verdict != "none" {
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

func stepLine(s apiclient.Step, i ink) string {
	n := int(math.Round(stepDone(s, time.Now()) * barWidth))
	held := ""
	if s.HoldBack > 0 {
		held = fmt.Sprintf(", %s held back", percent(s.HoldBack))
	}
	bar := strings.Repeat("█", n) + strings.Repeat("░", barWidth-n)
	return fmt.Sprintf("  %6s  %s  %s  %s", percent(s.Share), bar, i.judged(s.State), i.dim(fmt.Sprintf("watch %gs%s", s.WatchS, held)))
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

func vitalLine(v apiclient.Vital, i ink) string {
	label := v.Label
	if label == "" {
		label = v.Name
	}
	text := fmt.Sprintf("  %-30s new %s, old %s", clip(label, 30), arm(v.New), arm(v.Old))
	switch {
	case v.Ratio > 0 && v.RatioHigh > 0:
		text += fmt.Sprintf(", %.2g times (%.2g to %.2g)", v.Ratio, v.RatioLow, v.RatioHigh)
	case v.Ratio > 0:
		text += fmt.Sprintf(", %.2g times (%.2g or more)", v.Ratio, v.RatioLow)
	}
	return text + fmt.Sprintf(", evidence 10^%.1f of 10^%.1f  %s", v.Log10E, v.Log10Threshold, i.judged(v.State))
}

func arm(a apiclient.Arm) string { return fmt.Sprintf("%d (%s)", a.Events, percent(a.Rate)) }
