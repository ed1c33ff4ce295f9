package git

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// BenchmarkPush is the server's part of a push of one commit: from the request to the end of the answer, by when git.pushed is in the store.
func BenchmarkPush(b *testing.B) {
	w := open(b, nil)
	c := newClone(b)
	old := c.commit("zero", ".slipway.yaml", good("shop"))
	c.must("push", w.url("shop", adminToken), "main")
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		head := c.commit("next", "n", fmt.Sprint(i))
		pack := exec.CommandContext(b.Context(), "git", "pack-objects", "--revs", "--thin", "--stdout", "--quiet")
		pack.Dir, pack.Stdin = c.dir, strings.NewReader(head+"\n^"+old+"\n")
		data, err := pack.Output()
		if err != nil {
			b.Fatal(err)
		}
		body := pktLine(old+" "+head+" refs/heads/main\x00 report-status side-band-64k agent=test") + "0000" + string(data)
		req, err := http.NewRequestWithContext(b.Context(), "POST", w.http.URL+"/git/shop.git/git-receive-pack", strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		req.SetBasicAuth("x", adminToken)
		req.Header.Set("Content-Type", "application/x-git-receive-pack-request")
		b.StartTimer()
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		said, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || !bytes.Contains(said, []byte("ok refs/heads/main")) {
			b.Fatalf("%q %v", said, err)
		}
		old = head
	}
}
