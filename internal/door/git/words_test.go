package git

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestNamesThatCannotBe(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.commit("one", ".slipway.yaml", good("shop"))
	c.refused("it takes 1 to 40 of a-z, 0-9 and '-'", w.url("My_App", adminToken), "main")
}

func TestShallowClone(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.commit("one", ".slipway.yaml", good("shop"))
	c.commit("two")
	shallow := newClone(t)
	shallow.must("fetch", "--quiet", "--depth=1", "file://"+c.dir, "main")
	shallow.must("reset", "--quiet", "--hard", "FETCH_HEAD")
	shallow.refused("remote:        Fetch them, then push again: git fetch --unshallow", w.url("shop", adminToken), "main")
	c.must("push", w.url("shop", adminToken), "main")
	shallow.commit("three")
	shallow.must("push", w.url("shop", adminToken), "main") // the server has what is missing here
}

// TestHintsPassEverythingOn cuts what git says at every place: it must arrive as it was, but for the hint.
func TestHintsPassEverythingOn(t *testing.T) {
	packet := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	plain := packet("\x02remote words\n") + packet("\x01"+packet("unpack ok\n")+packet("ok refs/heads/main\n")+"0000") + "0000"
	refused := packet("\x01"+packet("unpack ok\n")+packet("ng refs/heads/main shallow update not allowed\n")+"0000") + "0000"
	for name, c := range map[string]struct{ in, want string }{
		"nothing to add": {plain, plain},
		"shallow":        {refused, packet("\x02"+hints()["shallow update not allowed"]) + refused},
		"no sideband":    {packet("unpack ok\n") + packet("ng refs/heads/main shallow update not allowed\n") + "0000", ""},
		"no packets":     {"fatal: shallow update not allowed", ""},
		"half a packet":  {"0010\x01half", ""},
	} {
		if c.want == "" {
			c.want = c.in
		}
		for cut := range c.in {
			var out bytes.Buffer
			h := &hintWriter{w: &out}
			for _, part := range []string{c.in[:cut], c.in[cut:]} {
				if n, err := h.Write([]byte(part)); n != len(part) || err != nil {
					t.Fatal(n, err)
				}
			}
			if err := h.flush(); err != nil || out.String() != c.want {
				t.Fatalf("%s, cut at %d: %q, %v; want %q", name, cut, out.String(), err, c.want)
			}
		}
	}
}

// TestWhatACommitOnlyPointsTo: submodules and files of Git LFS do not come with a push, and their pusher has to hear it.
func TestWhatACommitOnlyPointsTo(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.commit("plain", ".slipway.yaml", good("shop"), ".gitattributes", "*.go text\n")
	if out := c.must("push", w.url("shop", adminToken), "main"); strings.Contains(out, "Warning") {
		t.Errorf("a warning of nothing:\n%s", out)
	}
	lib := newClone(t)
	lib.commit("lib", "lib.c", "int x;")
	c.must("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", lib.dir, "vendor/lib")
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("a", 64) + "\nsize 5\n"
	c.commit("elsewhere", ".gitattributes", "# comment\n*.psd filter=lfs diff=lfs merge=lfs -text\n/big/** filter=lfs\n*.txt text\n",
		"design/logo.psd", pointer, "big/film.mp4", pointer, "notes.txt", pointer, "real.psd", "8BPS")
	out := c.must("push", w.url("shop", adminToken), "main")
	for _, want := range []string{"remote: -----> Warning: this commit has submodules (vendor/lib)", "has files of Git LFS (big/film.mp4, design/logo.psd)"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func TestNamedIsShort(t *testing.T) {
	if got := named([]string{"a", "b", "c", "d", "e", "f", "g"}); got != "a, b, c, d, e, and 2 more" {
		t.Errorf("named %q", got)
	}
}
