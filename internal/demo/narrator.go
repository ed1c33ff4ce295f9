package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// Narrator is told what happens.
type Narrator interface {
	// Tell takes one thing that happened.
	Tell(Scene)
}

// Scene is one thing that happened: its JSON for programs, its Text for people.
type Scene struct {
	Type string `json:"type"`
	// At is when, in seconds from the start.
	At   float64 `json:"at"`
	Text string  `json:"text"`
	URL  string  `json:"url,omitempty"`
	// Story is which commit it is about: first, good, bad, drill.
	Story   string             `json:"story,omitempty"`
	State   string             `json:"state,omitempty"`
	Verdict string             `json:"verdict,omitempty"`
	Share   float64            `json:"share,omitempty"`
	Seconds map[string]float64 `json:"seconds,omitempty"`
	// Aside is for people only.
	Aside bool `json:"-"`
}

// People tells people, in plain lines with the time.
type People struct {
	mu  sync.Mutex
	Out io.Writer
}

// Tell prints a line; what has no type is printed as it is.
func (p *People) Tell(s Scene) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Type == "" {
		_, _ = fmt.Fprintln(p.Out, s.Text)
		return
	}
	_, _ = fmt.Fprintf(p.Out, "%s  %s\n", time.Now().Format(time.TimeOnly), s.Text)
}

// Programs tells programs: one JSON object a line.
type Programs struct {
	mu  sync.Mutex
	Out io.Writer
}

// Tell prints a line of JSON; asides are left out.
func (p *Programs) Tell(s Scene) {
	if !s.Aside && s.Type != "" {
		p.line(s)
	}
}

func (p *Programs) line(v any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := json.NewEncoder(p.Out)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // who does not listen any more needs no line
}

// Sum prints the summary, the last line.
func (p *Programs) Sum(s Summary) { p.line(s) }

// Sum prints the summary in words.
func (p *People) Sum(s Summary) {
	p.Tell(Scene{Text: s.Words()})
}
