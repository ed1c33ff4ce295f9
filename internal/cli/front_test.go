package cli

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slipwayhq/slipway/internal/apptest"
	"github.com/slipwayhq/slipway/internal/edge"
)

// TestAnAgentHasAFrontOfItsHost: it joins as an edge of its own, serves, goes on when the agent is stopped, is taken over by the next one, and is ended by one that shall have none.
func TestAnAgentHasAFrontOfItsHost(t *testing.T) {
	s := apptest.Start(t)
	token, dir := s.JoinToken(t, "host", "edge"), t.TempDir()
	front := filepath.Join(dir, "front")
	start := func(args ...string) (stop func()) {
		cmd := exec.Command(os.Args[0], append([]string{"agent", "--server", s.URL(), "--roles", "host", "--name", "web-1", "--data", dir, "--statsd", "off"}, args...)...)
		cmd.Env = append(os.Environ(), asProgram+"=1", joinVariable+"="+token)
		cmd.Stderr = t.Output()
		must(t, cmd.Start())
		return func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			must(t, cmd.Wait())
		}
	}
	t.Cleanup(func() { _ = stopEdge(front) })
	stop := start("--front", "127.0.0.1:0")
	var status edge.Status
	s.Until(t, "the front serves", func() (up bool) {
		var err error
		status, err = edge.Alive(front)
		return err == nil
	})
	serves := func(addr string) {
		t.Helper()
		resp, err := http.Get("http://" + addr + "/")
		must(t, err)
		_ = resp.Body.Close()
	}
	serves(status.Listen)
	var list struct {
		Items []struct {
			ID, Name string
			Roles    []string
		}
	}
	s.Must(t, "GET", "/v1/agents", nil, &list)
	roles := map[string]string{}
	for _, a := range list.Items {
		roles[a.Name] = strings.Join(a.Roles, ",")
	}
	if roles["web-1"] != "host" || roles["web-1-front"] != "edge" {
		t.Errorf("the members are %v", roles)
	}
	stop()
	serves(status.Listen)
	joinedAs := status.ID
	stop = start("--front", "127.0.0.1:0", "--front-trusted-proxies", "10.0.0.0/8,192.168.0.0/16")
	s.Until(t, "another process serves", func() bool {
		now, err := edge.Alive(front)
		if err != nil || now.PID == status.PID || now.Draining {
			return false
		}
		status = now
		return true
	})
	if status.ID != joinedAs {
		t.Errorf("it is %s, and was %s", status.ID, joinedAs)
	}
	serves(status.Listen)
	stop()
	stop = start()
	s.Until(t, "no front runs", func() bool { _, err := edge.Alive(front); return err != nil })
	stop()
}

func TestAFrontNeedsAnAgent(t *testing.T) {
	alone(t)
	must(t, os.MkdirAll("here/identity", 0o700))
	must(t, os.WriteFile("here/identity/agent.json", []byte(`{"key":"k"}`), 0o600))
	for line, want := range map[string]string{
		"edge --beside nowhere --join slj_x":                          "is not the data folder of an agent",
		"edge --beside here --join slj_x":                             "has not joined yet",
		"agent --front :8080 --data here --server http://127.0.0.1:1": "the front has not joined yet",
		"agent --roles work --front :8080":                            "--front needs the role host",
		"agent --front :1 --front-trusted-proxies ten":                `--front-trusted-proxies: "ten" is not a network`,
		"agent --front 8080":                                          `--front "8080" is not an address; write it like 0.0.0.0:8080`,
	} {
		if status, _, errs := run(t, "", strings.Fields(line)...); status != exitFailed || !strings.Contains(errs, want) {
			t.Errorf("slipway %s: %d %q, want %q", line, status, errs, want)
		}
	}
}
