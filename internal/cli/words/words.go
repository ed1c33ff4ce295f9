// Package words is how the command line says times, shares and commits.
package words

import (
	"fmt"
	"math"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// Short is a commit as people quote it.
func Short(sha string) string { return sha[:min(len(sha), 8)] }

// Clip keeps a text to n runes.
func Clip(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

// When is a time as people say it: how long ago.
func When(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	switch d := time.Since(t); {
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	default:
		return t.Local().Format("2006-01-02")
	}
}

// Percent is a share as people say it.
func Percent(share float64) string { return fmt.Sprintf("%.3g%%", 100*share) }

// Dash stands for nothing.
func Dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// Times is a ratio, - where it is not known.
func Times(ratio float64) string {
	if ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio)
}

// Odds writes out 10 to a power, where it is not beyond all counting.
func Odds(log10 float64) string {
	n := math.Pow(10, log10)
	if n < 100 || n >= 1e15 {
		return fmt.Sprintf("%.2g", n)
	}
	return judge.Commas(int64(math.Round(n)))
}
