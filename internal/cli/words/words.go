// Package words is how the command line says times, shares and commits.
package words

import (
	"fmt"
	"time"
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
