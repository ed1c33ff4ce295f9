package scaffold

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// write returns the manifest as text.
func (p *plan) write() string {
	w := &writer{}
	w.line(0, "# How Slipway tests, ships and watches this repository.")
	w.line(0, "# What is marked as a guess was not certain: check it, then remove the mark.")
	w.line(0, "")
	w.key(0, "app", p.app)
	w.tests(p.tests)
	w.packageAndProcesses(p)
	w.line(0, "")
	w.line(0, "environments:")
	w.line(1, "production: {branch: "+scalar(p.branch)+"}   # commits on this branch are shipped")
	w.text(rolloutText)
	return w.String()
}

// rolloutText is the default policy, written out so that it is seen.
const rolloutText = `
# A new release goes to a part of the visitors first, is compared with the old
# one there, and comes back by itself if it does harm. These are the defaults.
rollout:
  steps:
    - {share: 10%, watch: 1m}
    - {share: 100%, watch: 5m, hold_back: 5%}   # 5% stay on the old release, to compare with
  settle: 10s               # per host, after its start, before it counts
  false_alarms: 1 a month   # rollbacks without cause that you accept
  rule_out: 2x              # healthy means: a doubling of harm is excluded
  unknown: promote          # promote, wait or hold, if a watch ends and nothing is certain
  vitals: [errors, latency]
`

type writer struct{ strings.Builder }

func (w *writer) text(s string) { w.WriteString(s) }

func (w *writer) line(depth int, text string) {
	w.WriteString(strings.Repeat("  ", depth) + text + "\n")
}

func (w *writer) key(depth int, name, value string) {
	w.line(depth, name+": "+scalar(value))
}

// notes writes comments; what comes from the repository must not leave its line.
func (w *writer) notes(depth int, notes []string) {
	for _, note := range notes {
		if chars := []rune(note); len(chars) > 200 {
			note = string(chars[:200]) + "…"
		}
		clean := strings.Map(func(r rune) rune {
			if isControl(r) || r == '\u2028' || r == '\u2029' {
				return ' '
			}
			return r
		}, note)
		w.line(depth, "# "+clean)
	}
}

func (w *writer) tests(tests []testPlan) {
	w.line(0, "")
	if len(tests) == 0 {
		w.text("# No tests were found. Each commit counts as good until this is filled in:\n# test:\n#   - name: unit\n#     run: make test\n")
		return
	}
	w.line(0, "test:")
	for _, t := range tests {
		w.line(1, "- name: "+scalar(t.name))
		w.notes(2, t.notes)
		if t.list != "" {
			w.line(2, "list: "+scalar(t.list)+"   # prints one unit a line; units go to whichever worker is free")
		}
		w.key(2, "run", t.run)
		w.key(2, "format", t.format)
		if t.report != "" {
			w.key(2, "report", t.report)
		}
	}
}

func (w *writer) packageAndProcesses(p *plan) {
	w.line(0, "")
	if p.web() == nil {
		w.text("# Nothing that serves visitors was found. To ship it, fill this in:\n# package:\n#   run: make dist\n#   path: dist\n# processes:\n#   web:\n#     run: ./server -addr 127.0.0.1:$PORT\n")
		return
	}
	w.line(0, "package:")
	w.notes(1, p.pkg.notes)
	if p.pkg.run != "" {
		w.key(1, "run", p.pkg.run)
	}
	w.line(1, "path: "+scalar(p.pkg.path)+"   # what becomes the release; all the program reads must be in it")
	w.line(0, "")
	w.line(0, "processes:")
	for _, process := range p.processes {
		w.line(1, process.name+":")
		w.notes(2, process.notes)
		w.key(2, "run", process.run)
		switch {
		case process.health != "":
			w.line(2, "health: "+scalar(process.health)+"   # a guess: it answers 2xx when the program is ready")
		case process.name == "web":
			w.line(2, "# health: /healthz   # a path that answers 2xx when it is ready; without it, an open port is enough")
		}
	}
}

// scalar writes a text so that YAML reads just that text.
func scalar(text string) string {
	if plainScalar(text) {
		return text
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b) // a JSON string is a YAML string
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		return fmt.Sprintf("%q", text) // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// plainScalar reports whether a text can stand without quotes.
func plainScalar(text string) bool {
	if text == "" || strings.TrimSpace(text) != text || reserved(text) {
		return false
	}
	first := text[0]
	begins := (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '.' || first == '/'
	special := strings.ContainsAny(text, "\"'#`|>%@!*?\\,[]") || strings.ContainsFunc(text, isControl)
	mapping := strings.Contains(text, ": ") || strings.HasSuffix(text, ":")
	return begins && !special && !mapping
}

// reserved reports whether YAML would read something else than text.
func reserved(text string) bool {
	switch strings.ToLower(text) {
	case "true", "false", "null", "yes", "no", "on", "off", ".inf", ".nan", "y", "n":
		return true
	}
	return strings.HasPrefix(text, "..") || text == "..."
}
