package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/app"
	"github.com/slipwayhq/slipway/internal/edge"
)

// parse reads a command line without running it.
func parse(t *testing.T, args ...string) (verbs, *program) {
	t.Helper()
	var v verbs
	p := &program{ctx: t.Context(), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	parser, err := p.parser(&v)
	must(t, err)
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return v, p
}

func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o700))
	must(t, os.WriteFile(name, []byte(text), mode))
	must(t, os.Chmod(name, mode)) // whatever the umask is
}

func TestFlagsGoBeforeVariablesBeforeTheFile(t *testing.T) {
	alone(t)
	write(t, "etc/slipway.yaml", "listen: 127.0.0.1:1\nedge-listen: 127.0.0.1:1\nurl: http://file\ndata: here\nlog-age: 48h\nacme: true\nedge-trusted-proxies: [10.0.0.0/8, 192.168.0.0/16]\nlog-level: debug\n", 0o644)
	t.Setenv("SLIPWAY_EDGE_LISTEN", "127.0.0.1:2")
	t.Setenv("SLIPWAY_PUBLIC_URL", "http://variable")
	t.Setenv("SLIPWAY_CONFIG", "etc/slipway.yaml")
	v, p := parse(t, "serve", "--url", "http://flag")
	s := v.Serve
	if p.file.Err() != nil || s.Listen != "127.0.0.1:1" || s.EdgeListen != "127.0.0.1:2" || s.URL != "http://flag" {
		t.Errorf("listen %s, edge-listen %s, url %s, %v", s.Listen, s.EdgeListen, s.URL, p.file.Err())
	}
	if s.LogAge != 48*time.Hour || !s.ACME || !slices.Equal(s.EdgeTrustedProxies, []string{"10.0.0.0/8", "192.168.0.0/16"}) || s.LogLevel != "debug" || s.LogFormat != "text" {
		t.Errorf("%+v", s)
	}
	if here, err := filepath.Abs("etc/here"); err != nil || s.Data != here {
		t.Errorf("a folder of the file is %s, want %s", s.Data, here)
	}
	write(t, "agent.yaml", "roles: work\nlabels: {zone: eu, disk: ssd}\nenviron: ['A=1,2']\nslots: 3\njoin: '@token'\n", 0o644)
	v, p = parse(t, "agent", "--config", filepath.Join(mustGet(os.Getwd()), "agent.yaml"))
	a := v.Agent
	if p.file.Err() != nil || !slices.Equal(a.Roles, []string{"work"}) || a.Labels["disk"] != "ssd" || a.Slots != 3 || !slices.Equal(a.Environ, []string{"A=1,2"}) || a.Join != "@"+filepath.Join(mustGet(os.Getwd()), "token") {
		t.Errorf("%v: %+v", p.file.Err(), a)
	}
}

func mustGet(text string, err error) string {
	if err != nil {
		panic(err)
	}
	return text
}

// Other verbs do not look at the file, whatever it holds.
func TestTheFileIsForWhatRuns(t *testing.T) {
	alone(t)
	t.Setenv("SLIPWAY_CONFIG", "nowhere.yaml")
	if status, out, errs := run(t, "", "version"); status != exitDone || out == "" {
		t.Errorf("version: %d %s", status, errs)
	}
	if status, _, errs := run(t, "", "edge"); status != exitFailed || errs != "slipway: --config nowhere.yaml cannot be read: no such file or directory\n" {
		t.Errorf("edge: %d %s", status, errs)
	}
}

func TestMistakesInTheFileAreToldAllAtOnce(t *testing.T) {
	alone(t)
	write(t, "s.yaml", `# Mistakes of all kinds.
data: ./d
listen: nowhere
edge-listen: [a]
lissten: 127.0.0.1:1
log-age: 3
log-level: wanr
acme: yes
tls-cert: x
url: http://a
url: http://b
id: agt_x
edge-trusted-proxies: [ten]
`, 0o600)
	status, _, errs := run(t, "", "serve", "--config", "s.yaml", "--nats", "somewhere")
	known := "data, listen, edge-listen, edge-tls-listen, edge-tls-cert, edge-tls-key, acme, acme-email, acme-ca, edge-trusted-proxies, url, admin-token, database, analytics, archive, nats, secret-key, tls-cert, tls-key, prometheus, prometheus-token, limit-store, limit-keys, limit-listen, log-age"
	want := `slipway: s.yaml:4:14: edge-listen: expected a single value, found a list
         s.yaml:5:1: unknown key "lissten"; did you mean listen?
         s.yaml:6:10: log-age: "3" is not a duration; write a number with a unit such as 30s or 5m
         s.yaml:7:12: log-level: "wanr" is not known here; did you mean warn?
         s.yaml:8:7: acme: expected true or false, found "yes"
         s.yaml:11:1: url: the key is already given at line 10
         s.yaml:12:1: unknown key "id"; known here: log-format, log-level, ` + known + `
         s.yaml:13:23: --edge-trusted-proxies: "ten" is not a network; write it like 10.0.0.0/8
         s.yaml:3:9: --listen "nowhere" is not an address; write host:port, such as 127.0.0.1:7070
         --nats is not a URL that fits; write it like nats://host:4222
         s.yaml:9:11: --tls-cert and --tls-key belong together
`
	if status != exitFailed || errs != want {
		t.Errorf("status %d\n got\n%s\nwant\n%s", status, errs, want)
	}
	write(t, "s.yaml", "slots: many\nroles:\nlabels: [a]\n", 0o600)
	if _, _, errs := run(t, "", "agent", "--config", "s.yaml"); strings.Count(errs, "\n") != 3 || !strings.Contains(errs, `s.yaml:1:8: slots: "many" is not a whole number`) ||
		!strings.Contains(errs, "s.yaml:2:1: roles: ") || !strings.Contains(errs, "s.yaml:3:9: labels: expected a map") {
		t.Errorf("agent: %s", errs)
	}
}

// An empty file, and one of comments, give nothing.
func TestAnEmptyFileIsNoMistake(t *testing.T) {
	alone(t)
	for _, text := range []string{"", "# nothing yet\n"} {
		write(t, "s.yaml", text, 0o600)
		if v, p := parse(t, "serve", "--config", "s.yaml"); p.file.Err() != nil || v.Serve.Listen != "127.0.0.1:7070" {
			t.Errorf("%q: %v, %s", text, p.file.Err(), v.Serve.Listen)
		}
	}
}

func TestSecretsThatEverybodyCanReadAreRefused(t *testing.T) {
	alone(t)
	for text, exposed := range map[string]bool{
		"admin-token: 0123456789abcdef": true, "secret-key: aa": true, "prometheus-token: 0123": true, "prometheus: http://u:p@host": true, "database: postgres://a:secret@host/x": true, "database: postgres://a@host/x": false,
		"database: postgres:///x?password=p": true, "nats: nats://u:p@host": true, "limit-store: redis://:p@host:6379": true, "limit-store: redis://host": false, "analytics: postgres://a:secret@host/x": true, "nats: nats://host": false, "listen: ':1'": false,
	} {
		for mode, open := range map[os.FileMode]bool{0o600: false, 0o640: false, 0o644: true, 0o642: true} {
			write(t, "s.yaml", text, mode)
			_, p := parse(t, "serve", "--config", "s.yaml")
			if said := p.file.Err() != nil; said != (exposed && open) || said && !strings.Contains(p.file.Err().Error(), "chmod o= s.yaml") || said && strings.Contains(p.file.Err().Error(), "0123") {
				t.Errorf("%s with mode %o: %v", text, mode, p.file.Err())
			}
		}
	}
	for text, exposed := range map[string]bool{"join: slj_x": true, "join: '@token'": false} {
		write(t, "s.yaml", text, 0o644)
		if _, p := parse(t, "agent", "--config", "s.yaml"); exposed != (p.file.Err() != nil) {
			t.Errorf("%s: %v", text, p.file.Err())
		}
	}
}

// The files that the documents show must be right.
func TestFilesInTheDocumentsAreRight(t *testing.T) {
	shown := map[string]string{}
	for _, name := range []string{"../../docs/operations.md", "../../docs/reference/cli.md"} {
		text, err := os.ReadFile(name)
		must(t, err)
		for _, m := range regexp.MustCompile("(?s)```yaml\n# /etc/slipway/(serve|agent|edge)\\.yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
			shown[m[1]] = m[2]
		}
	}
	alone(t)
	for _, verb := range []string{"serve", "agent", "edge"} {
		if shown[verb] == "" {
			t.Errorf("no document shows a file for %s", verb)
			continue
		}
		write(t, verb+".yaml", shown[verb], 0o600)
		v, p := parse(t, verb, "--config", verb+".yaml")
		err := p.file.Err()
		if verb == "serve" && err == nil {
			err = app.Options{Listen: v.Serve.Listen, EdgeListen: v.Serve.EdgeListen, URL: v.Serve.URL, Database: v.Serve.Database, ACMEEmail: v.Serve.ACMEEmail}.Check()
		}
		if err != nil {
			t.Errorf("%s: %v", verb, err)
		}
	}
}

// The edge is a child of the server: it gets what concerns it by its command line, and does not read the server's file.
func TestTheEdgeOfAServerWithAFile(t *testing.T) {
	alone(t)
	write(t, "serve.yaml", "data: d\nlisten: 127.0.0.1:0\nedge-listen: 127.0.0.1:0\nlog-format: json\nlog-level: debug\nedge-trusted-proxies: 10.0.0.0/8\n", 0o600)
	var out bytes.Buffer
	cmd := exec.Command(os.Args[0], "serve")
	cmd.Env = append(os.Environ(), asProgram+"=1", "SLIPWAY_CONFIG=serve.yaml")
	cmd.Stdout, cmd.Stderr = &out, &out
	must(t, cmd.Start())
	defer func() {
		must(t, cmd.Process.Signal(syscall.SIGINT)) // ends the edge, too
		if err := cmd.Wait(); err != nil && !strings.Contains(err.Error(), "130") {
			t.Errorf("%v\n%s", err, &out)
		}
	}()
	var log []byte
	for end := time.Now().Add(time.Minute); !bytes.Contains(log, []byte(`"msg":"the edge serves"`)); time.Sleep(20 * time.Millisecond) {
		if log, _ = os.ReadFile("d/edge/edge.log"); time.Now().After(end) { // it comes
			t.Fatalf("the edge does not serve; its log: %s", log)
		}
	}
	if status, err := edge.Alive("d/edge"); err != nil || !strings.Contains(strings.Join(status.Args, " "), "--trusted-proxies 10.0.0.0/8") {
		t.Errorf("it runs with %v, %v", status.Args, err)
	}
	if bytes.Contains(log, []byte("slipway: ")) {
		t.Errorf("the edge had something to complain about: %s", log)
	}
}
