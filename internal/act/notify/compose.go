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
	author := ""
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
		if len(b.Suspects) == 1 {
			m.Title += " after " + quoted(b.Suspects[0].Subject, b.Suspects[0].Author)
		}
	case event.RolloutHeld{}.EventType():
		h, err := event.Decode[event.RolloutHeld](ev)
		if err != nil {
			return m, false, err
		}
		m.Topic, m.Commits, m.Reasons, author = TopicHeld, h.Commits, h.Reasons, h.Author
		m.Title, m.URL = title(ev, h.Number, "is held until somebody decides", h.Subject, h.Author), page+"/rollouts/"+h.Rollout
	case event.RolloutEnded{}.EventType():
		e, err := event.Decode[event.RolloutEnded](ev)
		if err != nil || e.Outcome != "rolled_back" {
			return m, false, err
		}
		m.Topic, m.Commits, m.Reasons, m.Route, author = TopicReturned, e.Commits, e.Reasons, e.Path, e.Author
		m.Title, m.URL = title(ev, e.Number, "was rolled back", e.Subject, e.Author), page+"/rollouts/"+e.Rollout
	default:
		return m, false, nil
	}
	m.fill()
	if len(m.Authors) == 0 && author != "" {
		m.Authors = []string{author} // a change of configuration has no commit
	}
	return m, true, nil
}

// title is one line that tells what happened to whose work, so that nobody has to open a notice to know whether it is theirs.
func title(ev event.Event, number int, what, subject, author string) string {
	rollout := "a rollout"
	if number > 0 { // else an older version told of it
		rollout = fmt.Sprintf("rollout #%d", number)
	}
	text := fmt.Sprintf("%s/%s: %s %s", ev.App, ev.Env, rollout, what)
	if subject != "" {
		text += ": " + quoted(subject, author)
	}
	return text
}

// quoted is a commit in a line: “Show prices with tax” by Ana.
func quoted(subject, author string) string {
	const most = 80
	if r := []rune(subject); len(r) > most {
		subject = string(r[:most]) + "…"
	}
	text := "“" + subject + "”"
	if author != "" {
		text += " by " + author
	}
	return text
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
		"text": escape(m.Title),
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
