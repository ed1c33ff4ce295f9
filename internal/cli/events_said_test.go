//go:build cgo

package cli

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
)

// A name that no event has looks like silence, unless it is said.
func TestNamesThatNoEventHasAreSaid(t *testing.T) {
	alone(t)
	s, _ := shop(t)
	post(t, s.URL()+"/v1/track", source(t, s.URL()), `{"event":"bought","userId":"u1","properties":{"price":10,"card":{"kind":"blue"}}}`)
	s.Until(t, "it is learnt", func() bool {
		_, out, _ := run(t, "", "events", "plan", "learned")
		return strings.Contains(out, "bought")
	})
	save(t, s.URL(), `{"name":"Sold","kind":"trend","question":{"event":"sold","last":"7d"}}`)
	const lists = "; slipway events plan learned lists those that came\n"
	for line, want := range map[string]string{
		"events trend sold": "no event is called sold" + lists,
		"events saved Sold": "no event is called sold" + lists,
		"events trend sold --where price>1 --split price":  "no event is called sold" + lists,
		"events funnel bought sold":                        "no event is called sold" + lists,
		"events retention --first sold":                    "no event is called sold" + lists,
		"events top price --event sold":                    "no event is called sold" + lists,
		"events trend bought --where prize>1":              "no bought has a property prize; slipway events plan learned bought lists those it has\n",
		"events trend bought --split prize":                "no bought has a property prize; slipway events plan learned bought lists those it has\n",
		"events trend --measure sum --of prize":            "no event has a property prize; slipway events plan learned EVENT lists those it has\n",
		"events top prize":                                 "no event has a property prize; slipway events plan learned EVENT lists those it has\n",
		"events trend bought":                              "",
		"events trend bought --where price>100":            "",
		"events trend bought --where card.kind=red":        "",
		"events trend bought --where context.page.path=/a": "",
		"events trend bought --where event.release=r":      "",
		"events trend bought --where event.source=app":     "no source is called app; Settings > Sources lists those of shop\n",
		"events trend --where event.source=app":            "no source is called app; Settings > Sources lists those of shop\n",
		"events trend sold --where event.source=web":       "no event is called sold" + lists,
		"events trend bought --since 9d --until 8d":        "",
		"events trend sold --json":                         "",
		"events trend sold --show-sql":                     "",
	} {
		if status, out, errs := run(t, "", strings.Fields(line)...); status != exitDone || errs != want {
			t.Errorf("slipway %s: status %d, %s, and says %q, not %q", line, status, out, errs, want)
		}
	}
}

// The tail of nothing says that it waits, once.
func TestTheTailOfNothingSaysThatItWaits(t *testing.T) {
	alone(t)
	shop(t)
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	p := &program{ctx: ctx, stdin: strings.NewReader(""), stdout: io.Discard, stderr: write}
	go func() {
		p.main([]string{"events", "tail"})
		_ = write.Close()
	}()
	lines := bufio.NewScanner(read)
	if !lines.Scan() || lines.Text() != "waiting for events…" {
		t.Errorf("it says %q", lines.Text())
	}
	stop()
	for lines.Scan() {
		t.Errorf("and it says %q", lines.Text())
	}
}
