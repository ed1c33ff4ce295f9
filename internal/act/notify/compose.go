package notify

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/slipwayhq/slipway/internal/event"
)

// Topics of notices.
const (
	TopicRed      = "red"      // a build failed
	TopicHeld     = "held"     // a rollout waits for a person
	TopicReturned = "returned" // a release came back
	TopicTest     = "test"
)

// Message is a notice before it is given a target's form. It is also the body of a webhook.
type Message struct {
	Topic string `json:"topic"`
	App   string `json:"app"`
	Env   string `json:"environment"`
	// Title is one line, Text the evidence in plain words.
	Title   string         `json:"title"`
	Text    string         `json:"text"`
	Authors []string       `json:"authors"`
	Commits []event.Commit `json:"commits"`
	Route   string         `json:"route,omitempty"`
	Reasons []event.Reason `json:"reasons"`
	URL     string         `json:"url"`
}

// message says what an event means for people; ok is false when it needs nobody.
func message(ev event.Event, base string) (m Message, ok bool, err error) {
	m = Message{App: ev.App, Env: ev.Env}
	page := base + "/apps/" + ev.App
	switch ev.Type {
	case event.BuildFailed{}.EventType():
		b, err := event.Decode[event.BuildFailed](ev)
		if err != nil {
			return m, false, err
		}
		m.Topic, m.Commits, m.Reasons = TopicRed, b.Suspects, b.Reasons
		m.Title = fmt.Sprintf("%s: build #%d is red", ev.App, b.Number)
		m.URL = page + "/builds/" + b.Build
		if len(b.Failed) > 0 {
			m.Title += ": " + some(b.Failed, 3)
		}
	case event.RolloutHeld{}.EventType():
		h, err := event.Decode[event.RolloutHeld](ev)
		if err != nil {
			return m, false, err
		}
		m.Topic, m.Commits, m.Reasons = TopicHeld, h.Commits, h.Reasons
		m.Title, m.URL = fmt.Sprintf("%s/%s: a rollout is held until somebody decides", ev.App, ev.Env), page+"/rollouts/"+h.Rollout
	case event.RolloutEnded{}.EventType():
		e, err := event.Decode[event.RolloutEnded](ev)
		if err != nil || e.Outcome != "rolled_back" {
			return m, false, err
		}
		m.Topic, m.Commits, m.Reasons, m.Route = TopicReturned, e.Commits, e.Reasons, e.Path
		m.Title, m.URL = fmt.Sprintf("%s/%s: a release was rolled back", ev.App, ev.Env), page+"/rollouts/"+e.Rollout
	default:
		return m, false, nil
	}
	m.fill()
	return m, true, nil
}

// fill derives text and authors.
func (m *Message) fill() {
	var lines []string
	for _, r := range m.Reasons {
		lines = append(lines, r.Text)
	}
	if m.Route != "" {
		lines = append(lines, "errors rose most on "+m.Route)
	}
	m.Text = strings.Join(lines, "\n")
	seen := map[string]bool{}
	for _, c := range m.Commits {
		who := c.Author
		if c.Email != "" {
			who += " <" + c.Email + ">"
		}
		if who != "" && !seen[who] {
			seen[who] = true
			m.Authors = append(m.Authors, who)
		}
	}
}

func some(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], ", "), len(list)-n)
}

// form gives a message the form of a target's kind.
func form(kind string, m Message) ([]byte, error) {
	if kind != KindSlack {
		return json.Marshal(m)
	}
	var commits []string
	for _, c := range m.Commits {
		commits = append(commits, fmt.Sprintf("`%.7s` %s (%s)", c.SHA, escape(c.Subject), escape(c.Author)))
	}
	text := "*" + escape(m.Title) + "*\n" + escape(m.Text)
	if len(commits) > 0 {
		text += "\n" + some(commits, 5)
	}
	type block map[string]any
	return json.Marshal(map[string]any{
		"text": m.Title,
		"blocks": []block{
			{"type": "section", "text": block{"type": "mrkdwn", "text": cut(text, 2900)}},
			{"type": "actions", "elements": []block{{"type": "button", "text": block{"type": "plain_text", "text": "Open in Slipway"}, "url": m.URL}}},
		},
	})
}

// escape keeps Slack from reading control characters in what others wrote (https://api.slack.com/reference/surfaces/formatting#escaping).
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// cut shortens to n bytes at a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
