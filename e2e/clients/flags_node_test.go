package clients

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"testing"
	"time"
)

// speaker is a client in Node that is told lines and says lines.
type speaker struct {
	*place
	told io.WriteCloser
	said *bufio.Scanner
	out  io.Closer
}

// speak starts a script of testdata, which ends with the test.
func (p *place) speak(script string, args ...string) *speaker {
	p.Helper()
	cmd := exec.Command("node", append([]string{"testdata/" + script}, args...)...)
	cmd.Stderr = p.Output()
	told, err := cmd.StdinPipe()
	if err != nil {
		p.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() {
		told.Close()
		if err := cmd.Wait(); err != nil {
			p.Errorf("%s: %v", script, err)
		}
	})
	return &speaker{place: p, told: told, said: bufio.NewScanner(out), out: out}
}

// tell says a line to the client.
func (s *speaker) tell(line string) {
	s.Helper()
	if _, err := io.WriteString(s.told, line+"\n"); err != nil {
		s.Fatal(err)
	}
}

// hear reads lines until one will do, and gives it.
func (s *speaker) hear(what string, into any, ok func() bool) {
	s.Helper()
	late := time.AfterFunc(patience, func() { s.out.Close() })
	defer late.Stop()
	for s.said.Scan() {
		s.Logf("the client says %s", s.said.Text())
		if err := json.Unmarshal(s.said.Bytes(), into); err != nil {
			s.Fatalf("%v: %s", err, s.said.Text())
		}
		if ok() {
			return
		}
	}
	s.Fatalf("not within %s: %s (%v)", patience, what, s.said.Err())
}

// growthbook is what GrowthBook's client says.
type growthbook struct {
	Source string
	Values struct{ Checkout, Color, Member string }
	Tracks []string
}

func (s *speaker) values(checkout, color, member string) (g growthbook) {
	s.Helper()
	s.hear("checkout is "+checkout+", color "+color+", member "+member, &g, func() bool {
		return g.Values.Checkout == checkout && g.Values.Color == color && g.Values.Member == member
	})
	return g
}

// The client of GrowthBook reads payloads, plain and encrypted, or is told values; it hears of changes, evaluates while the server is gone, and hears of the next change when it is there again.
func TestGrowthBookInNode(t *testing.T) {
	for name, kind := range map[string]string{
		"payload": `"kind": "server"`, "encrypted": `"kind": "client", "encrypted": true`, "values": `"kind": "client", "remote": true`,
	} {
		t.Run(name, func(t *testing.T) {
			p := newFlags(t)
			k := p.flagKey("backend", kind)
			options := map[string]any{}
			if k.Encryption != "" {
				options["decryptionKey"] = k.Encryption
			}
			if name == "values" {
				options["remoteEval"] = true
			}
			raw, err := json.Marshal(options)
			if err != nil {
				t.Fatal(err)
			}
			s := p.speak("flags_growthbook.mjs", p.server.URL(), k.Key, string(raw))
			if g := s.values("old", "green", "no"); g.Source != "network" {
				t.Errorf("%+v", g)
			}
			var g growthbook
			s.tell(`{"id": "u2", "country": "US"}`)
			g = s.values("new", "green", "yes")
			if len(g.Tracks) == 0 || g.Tracks[0] != "colors g" {
				s.hear("the exposure is told", &g, func() bool { return len(g.Tracks) > 0 && g.Tracks[0] == "colors g" })
			}
			p.turn("checkout", `{"on": true, "default": "newest"}`)
			s.values("newest", "green", "yes")

			p.server.Stop()
			if name != "values" { // who evaluates for himself does so, for other visitors as well
				s.tell(`{"id": "u1", "country": "CA"}`)
				s.values("newest", "green", "no")
				s.tell(`{"id": "u2", "country": "US"}`)
				s.values("newest", "green", "yes")
			}
			p.start()
			p.turn("color", `{"on": true, "default": "blue"}`)
			s.values("newest", "blue", "yes")
		})
	}
}

// details are what OpenFeature says of an evaluation.
type details struct {
	Value                      any
	Reason, Variant, ErrorCode string
	FlagMetadata               map[string]any
}

func TestOpenFeatureInNode(t *testing.T) {
	p := newFlags(t)
	s := p.speak("flags_openfeature.mjs", p.server.URL(), p.flagKey("backend", `"kind": "server"`).Key)
	p.server.Must(t, "POST", "/v1/apps/shop/flags", json.RawMessage(`{"name": "limits", "type": "json", "states": {"production": {"on": true, "default": {"carts": [1, 2]}}}}`), nil)
	p.server.Must(t, "POST", "/v1/apps/shop/flags", json.RawMessage(`{"name": "rate", "type": "number", "states": {"production": {"on": false, "off": 0.5}}}`), nil)
	p.server.Must(t, "POST", "/v1/apps/shop/flags", json.RawMessage(`{"name": "beta"}`), nil)
	ask := func(question string) (d details) {
		t.Helper()
		s.tell(question)
		s.hear("an answer", &d, func() bool { return true })
		return d
	}
	if d := ask(`{"type": "String", "flag": "checkout", "otherwise": "mine", "context": {"targetingKey": "u1", "country": "US"}}`); d.Value != "new" || d.Reason != "TARGETING_MATCH" || d.FlagMetadata["ruleId"] != "us" {
		t.Errorf("%+v", d)
	}
	if d := ask(`{"type": "String", "flag": "color", "otherwise": "mine", "context": {"targetingKey": "u1"}}`); d.Value != "green" || d.Reason != "SPLIT" || d.Variant != "g" || d.FlagMetadata["experimentKey"] != "colors" {
		t.Errorf("%+v", d)
	}
	if d := ask(`{"type": "Object", "flag": "limits", "otherwise": {}}`); len(d.Value.(map[string]any)["carts"].([]any)) != 2 || d.Reason != "STATIC" {
		t.Errorf("%+v", d)
	}
	if d := ask(`{"type": "Number", "flag": "rate", "otherwise": 1}`); d.Value != 0.5 || d.Reason != "DISABLED" {
		t.Errorf("%+v", d)
	}
	if d := ask(`{"type": "Boolean", "flag": "beta", "otherwise": true}`); d.Value != false || d.Reason != "DISABLED" {
		t.Errorf("%+v", d)
	}
	if d := ask(`{"type": "Boolean", "flag": "nothing", "otherwise": true}`); d.Value != true || d.ErrorCode != "FLAG_NOT_FOUND" {
		t.Errorf("%+v", d)
	}
	if d := ask(`{"type": "Boolean", "flag": "checkout", "otherwise": true}`); d.Value != true || d.ErrorCode != "TYPE_MISMATCH" {
		t.Errorf("%+v", d)
	}
	p.server.Stop()
	if d := ask(`{"type": "String", "flag": "checkout", "otherwise": "mine"}`); d.Value != "mine" || d.Reason != "ERROR" {
		t.Errorf("%+v", d)
	}
	p.start()
	p.turn("checkout", `{"on": true, "default": "newest"}`)
	if d := ask(`{"type": "String", "flag": "checkout", "otherwise": "mine"}`); d.Value != "newest" {
		t.Errorf("%+v", d)
	}
}
