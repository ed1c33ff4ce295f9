//go:build cgo

package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
)

// What strangers send must not command the terminal of who looks at it, whichever way.
func TestEventsDoNotCommandTheTerminal(t *testing.T) {
	alone(t)
	s, _ := shop(t)
	key := source(t, s.URL())
	const evil = "A\\u001b[2J\u009b31mB\u202eC\u2066D\u007fE\\nF" // as JSON
	send := func() {
		post(t, s.URL()+"/v1/track", key, `{"event":"`+evil+`","userId":"`+evil+`","properties":{"`+evil+`":"`+evil+`","p":"`+evil+`"}}`)
		post(t, s.URL()+"/v1/track", key, `{"event":"`+evil+`","user_id":"`+evil+`"}`) // fails
	}
	harmless := func(what, out string) {
		t.Helper()
		if i := strings.IndexAny(out, "\x1b\x7f\u009b\u202e\u2066"); i >= 0 {
			t.Errorf("%s commands the terminal: %q", what, out[i:min(len(out), i+40)])
		}
		if !strings.Contains(out, "A\ufffd[2J\ufffd31mB\ufffdC\ufffdD\ufffdE") && !strings.Contains(out, `A\u001b[2J\u009b31mB\u202eC\u2066D\u007fE`) && !strings.Contains(out, "A\\u001b[2J\ufffd31mB\ufffdC\ufffdD\ufffdE") {
			t.Errorf("%s does not show what came: %q", what, out)
		}
	}
	send()
	s.Until(t, "all is stored", func() bool {
		_, failed, _ := run(t, "", "events", "failed")
		_, sql, _ := run(t, "", "events", "sql", "SELECT count(*) AS n FROM events")
		return strings.Contains(failed, "no_user") && strings.Contains(sql, "1")
	})
	var user string
	must(t, json.Unmarshal([]byte(`"`+evil+`"`), &user))
	for _, line := range [][]string{
		{"events", "user", user}, {"events", "top", "p"}, {"events", "top", "event.name"}, {"events", "trend", "--split", "p"}, {"events", "sql", "SELECT name, properties FROM events"},
		{"events", "failed", "--list"}, {"events", "repair", "--try", "."}, {"events", "plan", "learned"}, {"events", "plan", "learned", user},
	} {
		status, out, errs := run(t, "", line...)
		if status != exitDone {
			t.Fatalf("%q: %d %s", line, status, errs)
		}
		if line[1] != "repair" {
			harmless(strings.Join(line[:3], " "), out)
		}
		for _, form := range []string{"--json", "--csv"} {
			if status, out, _ := run(t, "", append(line, form)...); status == exitDone && line[1] != "repair" {
				harmless(strings.Join(line[:3], " ")+" "+form, out)
			}
		}
	}
	for _, more := range [][]string{nil, {"--json"}} {
		out := tailed(t, send, more...)
		harmless("tail", out)
		if rows := strings.Count(out, "\n"); rows != 1 {
			t.Errorf("an event takes %d lines: %q", rows, out)
		}
	}
}

// tailed gives the first line of slipway events tail that is about an event.
func tailed(t *testing.T, send func(), more ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	var errs bytes.Buffer
	ended := make(chan struct{})
	p := &program{ctx: ctx, stdin: strings.NewReader(""), stdout: write, stderr: &errs}
	go func() {
		p.main(append([]string{"events", "tail"}, more...))
		close(ended)
	}()
	lines := make(chan string)
	go func() {
		from := bufio.NewReader(read)
		line := "needs a userId"
		for strings.Contains(line, "needs a userId") { // of one that failed
			line, _ = from.ReadString('\n')
		}
		lines <- line
		_, _ = io.Copy(io.Discard, read)
	}()
	defer func() {
		stop()
		<-ended
		_ = write.Close()
	}()
	for {
		send()
		select {
		case line := <-lines:
			return line
		case <-time.After(50 * time.Millisecond): // it may not have begun yet
		}
	}
}
