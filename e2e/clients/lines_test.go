package clients

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The lines that the page gives before the first event are all of a program: it ends by itself, and its event is there.
func TestTheFirstLinesSendTheirEvent(t *testing.T) {
	raw, err := os.ReadFile("../../ui/src/events/clients.ts")
	if err != nil {
		t.Fatal(err)
	}
	const types = ": Record<string, (key: string, server: string) => string>" // Node reads the rest as it is
	if !strings.Contains(string(raw), types) {
		t.Fatal("the lines are written otherwise")
	}
	lines := strings.Replace(string(raw), types, "", 1)
	p := newPlace(t)
	for _, client := range []string{"curl", "Segment for Node", "PostHog for Node"} {
		said := p.run("node", "--input-type=module", "-e", lines+fmt.Sprintf("\nprocess.stdout.write(clients[%q](%q, %q))", client, p.key, p.server.URL()))
		if client == "curl" {
			p.run("sh", "-c", said)
			continue
		}
		if _, last, _ := strings.Cut(said, "\nawait "); last == "" {
			t.Errorf("%s does not wait for what it sends:\n%s", client, said)
		}
		p.run("node", "--input-type=module", "-e", said)
	}
	events, failed := p.logged()
	var names []string
	for _, e := range events {
		names = append(names, e.Name+" "+e.User)
	}
	if !slices.Equal(names, []string{"signed_up u1", "signed_up u1", "signed_up u1"}) || len(failed) > 0 {
		t.Errorf("there are %v, and %v failed", names, failed)
	}
}

// run runs a program to its end, and gives what it said.
func (p *place) run(name string, args ...string) string {
	p.Helper()
	out, err := exec.CommandContext(p.Context(), name, args...).Output()
	if err != nil {
		p.Fatalf("%s %s: %v, %s", name, args, err, out)
	}
	return string(out)
}
