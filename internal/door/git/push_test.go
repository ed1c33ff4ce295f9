package git

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestTwoPushesAtOnce(t *testing.T) {
	w := open(t, nil)
	base := newClone(t)
	base.commit("one", ".slipway.yaml", good("shop"))
	base.must("push", w.url("shop", adminToken), "main")
	const n = 4
	clones, heads := make([]*clone, n), make([]string, n)
	for i := range clones {
		clones[i] = newClone(t)
		clones[i].must("pull", "--quiet", w.url("shop", adminToken), "main")
		heads[i] = clones[i].commit("racer", "racer", string(rune('a'+i)))
	}
	errs := make([]error, n)
	outs := make([]string, n)
	var wg sync.WaitGroup
	for i, c := range clones {
		wg.Go(func() { outs[i], errs[i] = c.run("push", w.url("shop", adminToken), "main") })
	}
	wg.Wait()
	won := -1
	for i, err := range errs {
		switch {
		case err == nil && won >= 0:
			t.Fatal("two pushes of one head were accepted")
		case err == nil:
			won = i
		}
	}
	if won < 0 {
		t.Fatalf("no push was accepted:\n%s", strings.Join(outs, "\n"))
	}
	if _, p := w.lastPush(); len(w.pushed()) != 2 || p.After != heads[won] {
		t.Errorf("%d events, last %+v; %s won", len(w.pushed()), p, heads[won])
	}
}

func TestPusherWhoLeavesStopsNothing(t *testing.T) {
	following, left := make(chan struct{}), make(chan struct{})
	w := open(t, func(o *Options) {
		o.Follow = func(ctx context.Context, app, env, commit string, line func(string)) error {
			line("testing " + app + " " + env)
			close(following)
			<-ctx.Done()
			close(left)
			return ctx.Err()
		}
	})
	c := newClone(t)
	head := c.commit("one", ".slipway.yaml", good("shop"))
	cmd := c.command(t.Context(), "push", w.url("shop", adminToken), "main")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-following
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil { // ctrl-C reaches the whole group
		t.Fatal(err)
	}
	_ = cmd.Wait() // its status is that of the interrupt
	<-left
	if _, p := w.lastPush(); p.After != head {
		t.Errorf("told of %+v", p)
	}
	if got := strings.Fields(c.must("ls-remote", w.url("shop", adminToken), "refs/heads/main"))[0]; got != head {
		t.Errorf("main is at %s", got)
	}
}

func TestPusherReadsTheVerdict(t *testing.T) {
	w := open(t, func(o *Options) {
		o.Follow = func(_ context.Context, _, _, commit string, line func(string)) error {
			line("tests: 12 of 12 passed for " + commit[:7])
			return nil
		}
	})
	c := newClone(t)
	head := c.commit("one", ".slipway.yaml", good("shop"))
	out := c.must("push", w.url("shop", adminToken), "main")
	if !strings.Contains(out, "remote:        tests: 12 of 12 passed for "+head[:7]) {
		t.Errorf("the pusher reads:\n%s", out)
	}
}

func TestLargePush(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	big := make([]byte, 8<<20) // random, so that nothing compresses it
	_, _ = rand.Read(big)
	c.commit("big", ".slipway.yaml", good("shop"), "big.bin", string(big))
	c.must("push", w.url("shop", adminToken), "main") // chunked: above http.postBuffer
	c.must("-c", "http.postBuffer=1", "push", w.url("shop", adminToken), "main:refs/heads/copy")
	copied := newClone(t)
	copied.must("fetch", "--quiet", w.url("shop", adminToken), "main")
	if got := copied.must("rev-parse", "FETCH_HEAD"); got != c.must("rev-parse", "HEAD") {
		t.Errorf("fetched %s", got)
	}
}

func TestPushAboveTheLimit(t *testing.T) {
	w := open(t, func(o *Options) { o.MaxPush = 1 << 20 })
	c := newClone(t)
	big := make([]byte, 2<<20)
	_, _ = rand.Read(big)
	c.commit("big", ".slipway.yaml", good("shop"), "big.bin", string(big))
	if out, err := c.run("push", w.url("shop", adminToken), "main"); err == nil {
		t.Errorf("accepted:\n%s", out)
	}
	if len(w.pushed()) != 0 {
		t.Error("told of a push that was too large")
	}
}

func TestAgentsFetchAndDoNotPush(t *testing.T) {
	w := open(t, func(o *Options) {
		o.AgentAuth = func(_ context.Context, credential string) (string, bool) { return "agt_1", credential == "sla_agent" }
	})
	c := newClone(t)
	head := c.commit("one", ".slipway.yaml", good("shop"))
	c.must("push", w.url("shop", adminToken), "main")
	c.commit("two")
	c.refused("Authentication failed", w.url("shop", "sla_agent"), "main")
	// A worker fetches one commit by its name, whatever the branches are.
	worker := newClone(t)
	worker.must("fetch", "--quiet", "--depth=1", w.url("shop", "sla_agent"), head)
	if got := worker.must("rev-parse", "FETCH_HEAD"); got != head {
		t.Errorf("fetched %s", got)
	}
	worker.must("-c", "protocol.version=0", "fetch", "--quiet", w.url("shop", "sla_agent"), "main")
}

func TestBrokenUploadMovesNothing(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.commit("one", ".slipway.yaml", good("shop"))
	c.must("push", w.url("shop", adminToken), "main")
	old := c.must("rev-parse", "HEAD")
	head := c.commit("two", "a", "a")
	pack := exec.CommandContext(t.Context(), "git", "pack-objects", "--revs", "--stdout", "--quiet")
	pack.Dir, pack.Stdin = c.dir, strings.NewReader(head+"\n^"+old+"\n")
	data, err := pack.Output()
	if err != nil {
		t.Fatal(err)
	}
	line := old + " " + head + " refs/heads/main\x00 report-status side-band-64k agent=test"
	body := pktLine(line) + "0000" + string(data[:len(data)/2])
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.http.URL+"/git/shop.git/git-receive-pack", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("x", adminToken)
	req.Header.Set("Content-Type", "application/x-git-receive-pack-request")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(res.Body)
	if !bytes.Contains(said, []byte("unpack ")) || bytes.Contains(said, []byte("unpack ok")) {
		t.Errorf("half a pack was answered %q", said)
	}
	if len(w.pushed()) != 1 {
		t.Error("half a pack was told of")
	}
	leftovers, err := filepath.Glob(filepath.Join(w.door.repo("shop"), "objects", "tmp_objdir-*"))
	if err != nil || len(leftovers) > 0 {
		t.Errorf("left over: %v %v", leftovers, err)
	}
}

func TestQuietPushIsKeptAlive(t *testing.T) {
	alive := make(chan struct{})
	w := open(t, func(o *Options) {
		o.Follow = func(ctx context.Context, _, _, _ string, line func(string)) error {
			select { // says nothing until the client has seen that the connection lives
			case <-alive:
				line("passed")
			case <-ctx.Done():
			}
			return nil
		}
	})
	w.door.keepAlive = 1
	c := newClone(t)
	head := c.commit("one", ".slipway.yaml", good("shop"))
	res := w.rawPush(c, head)
	defer res.Body.Close()
	quiet := pktLine("\x01")[:4] + "\x01"
	var said bytes.Buffer
	buf := make([]byte, 1024)
	for !strings.Contains(said.String(), "goes to production") || !strings.HasSuffix(said.String(), quiet) {
		n, err := res.Body.Read(buf)
		if err != nil {
			t.Fatalf("ended with %v after %q", err, said.String())
		}
		said.Write(buf[:n])
	}
	close(alive)
	rest, err := io.ReadAll(res.Body)
	if err != nil || !bytes.Contains(rest, []byte("passed")) || !bytes.HasSuffix(rest, []byte("0000")) {
		t.Errorf("ended with %q, %v", rest, err)
	}
}

// rawPush sends a whole pack as git would, and gives the answer as it comes.
func (w *world) rawPush(c *clone, head string) *http.Response {
	w.t.Helper()
	pack := exec.CommandContext(w.t.Context(), "git", "pack-objects", "--revs", "--stdout", "--quiet")
	pack.Dir, pack.Stdin = c.dir, strings.NewReader(head+"\n")
	data, err := pack.Output()
	if err != nil {
		w.t.Fatal(err)
	}
	body := pktLine(zero+" "+head+" refs/heads/main\x00 report-status side-band-64k agent=test") + "0000" + string(data)
	req, err := http.NewRequestWithContext(w.t.Context(), "POST", w.http.URL+"/git/shop.git/git-receive-pack", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.SetBasicAuth("x", adminToken)
	req.Header.Set("Content-Type", "application/x-git-receive-pack-request")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	return res
}

func TestGzippedRequest(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	head := c.commit("one", ".slipway.yaml", good("shop"))
	c.must("push", w.url("shop", adminToken), "main")
	var body bytes.Buffer
	zip := gzip.NewWriter(&body)
	_, _ = io.WriteString(zip, pktLine("command=ls-refs\n")+"0000")
	_ = zip.Close()
	ask := func(encoding string, body []byte) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), "POST", w.http.URL+"/git/shop.git/git-upload-pack", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("x", adminToken)
		req.Header.Set("Content-Type", "application/x-git-upload-pack-request")
		req.Header.Set("Content-Encoding", encoding)
		req.Header.Set("Git-Protocol", "version=2")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		said, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(said)
	}
	if status, said := ask("gzip", body.Bytes()); status != 200 || !strings.Contains(said, head+" refs/heads/main") {
		t.Errorf("%d %q", status, said)
	}
	if status, _ := ask("gzip", []byte("not gzip")); status != 400 {
		t.Errorf("what is no gzip: %d", status)
	}
	if status, _ := ask("br", nil); status != 400 {
		t.Errorf("what is not understood: %d", status)
	}
}

func TestManifestThatIsALink(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.commit("real", "real.yaml", good("shop"))
	if err := os.Symlink("real.yaml", filepath.Join(c.dir, ".slipway.yaml")); err != nil {
		t.Fatal(err)
	}
	c.commit("link")
	c.refused("not a folder or a link", w.url("shop", adminToken), "main")
}

func pktLine(s string) string {
	const hex = "0123456789abcdef"
	n := len(s) + 4
	return string([]byte{hex[n>>12&15], hex[n>>8&15], hex[n>>4&15], hex[n&15]}) + s
}
