package rig

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// webCommand makes the benchmark's own program the web process of a release.
const webCommand = "web"

// web answers every request, and fails each so-many-th one, as the file "fail" in its folder says; 0 means none.
func web() error {
	text, err := os.ReadFile("fail")
	if err != nil {
		return err
	}
	every, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return fmt.Errorf("read the file fail: %w", err)
	}
	var n atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		if every > 0 && n.Add(1)%every == 0 {
			http.Error(w, "broken on purpose", http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprintln(w, "hello") // the visitor may be gone
	})
	return http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), mux)
}

const siteManifest = `app: site
test:
  - {name: all, run: "true", format: exit}
package:
  run: mkdir -p dist && cp %s dist/web && cp fail dist/fail && head -c %d /dev/urandom > dist/data
  path: dist
processes:
  web: {run: ./web web, health: /healthz}
environments:
  production: {branch: main}
rollout:
%s`

// Site is an app whose releases are this very program as a web server, made larger by bytes that do not compress.
type Site struct {
	*Repo
	ballast int
	rollout string
	pushes  int
}

// Site makes the app "site"; rollout is that section of its manifest, ballast in bytes.
func (s *Server) Site(ctx context.Context, ballast int, rollout string) (*Site, error) {
	repo, err := s.rig.Repo(ctx, "site", s.GitURL("site"))
	return &Site{Repo: repo, ballast: ballast, rollout: rollout}, err
}

// Ship pushes one more release that fails each so-many-th request. It returns when the build is over, with the commit's name.
func (s *Site) Ship(ctx context.Context, failEvery int) (sha string, err error) {
	exe, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	s.pushes++
	err = s.Write(map[string]string{".slipway.yaml": fmt.Sprintf(siteManifest, exe, s.ballast, s.rollout), "fail": fmt.Sprintln(failEvery), "change": fmt.Sprintln(s.pushes), ".gitignore": "dist\n"})
	if err != nil {
		return "", err
	}
	if sha, err = s.Commit(ctx, fmt.Sprintf("Release %d", s.pushes)); err != nil {
		return "", err
	}
	_, err = s.Push(ctx)
	return sha, err
}
