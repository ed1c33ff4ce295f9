package testreport

import (
	"fmt"
	"unicode/utf8"
)

const (
	clipHead = MaxOutput / 4
	clipTail = MaxOutput/4*3 - 100 // the rest is for the mark between them
)

// clip keeps the first and the last part of a text that may be endless. Why a
// test failed is at its end; how it began is useful too.
type clip struct {
	head, tail []byte
	dropped    int
	budget     *budget // shared between clips; may be nil
}

// budget bounds what all open clips of one reader hold.
type budget struct{ used, most int }

func (c *clip) write(text string) {
	room := min(len(text), clipHead-len(c.head))
	if c.budget != nil && c.budget.used+len(text) > c.budget.most {
		c.dropped += len(text)
		return
	}
	before := len(c.head) + len(c.tail)
	c.head = append(c.head, text[:room]...)
	if rest := text[room:]; len(rest) > 0 {
		c.tail = append(c.tail, rest...)
		if extra := len(c.tail) - clipTail; extra > clipTail {
			c.dropped += extra
			c.tail = append(c.tail[:0], c.tail[extra:]...)
		}
	}
	if c.budget != nil {
		c.budget.used += len(c.head) + len(c.tail) - before
	}
}

// text returns what was kept, plain and at most MaxOutput bytes, and empties the clip.
func (c *clip) text() string {
	head, tail, dropped := c.head, c.tail, c.dropped
	if c.budget != nil {
		c.budget.used -= len(head) + len(tail)
	}
	if extra := len(tail) - clipTail; extra > 0 {
		dropped += extra
		tail = tail[extra:]
	}
	c.head, c.tail, c.dropped = nil, nil, 0
	if dropped == 0 {
		return cut(Plain(string(head) + string(tail)))
	}
	return cut(Plain(string(head)) + omission(dropped) + Plain(string(tail)))
}

func (c *clip) empty() bool { return len(c.head) == 0 && c.dropped == 0 }

func omission(bytes int) string { return fmt.Sprintf("\n… %d bytes left out …\n", bytes) }

// cut returns text within MaxOutput bytes, without its middle if it is longer.
func cut(text string) string {
	if len(text) <= MaxOutput {
		return text
	}
	head, tail := clipHead, len(text)-clipTail
	for !utf8.RuneStart(text[head]) {
		head--
	}
	for tail < len(text) && !utf8.RuneStart(text[tail]) {
		tail++
	}
	return text[:head] + omission(tail-head) + text[tail:]
}
