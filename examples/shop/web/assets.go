package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// assets are served under names that hold their hash, so that browsers may keep them for ever.
type assets struct {
	urls  map[string]string // style.css → /assets/style.1a2b3c4d.css
	files map[string]asset  // by address
}

type asset struct {
	kind string
	body []byte
}

func newAssets() (*assets, error) {
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		return nil, err
	}
	a := &assets{urls: make(map[string]string), files: make(map[string]asset)}
	for _, e := range entries {
		body, err := staticFiles.ReadFile("static/" + e.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(e.Name())
		url := "/assets/" + strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:4]) + ext
		a.urls[e.Name()] = url
		a.files[url] = asset{kind: mime.TypeByExtension(ext), body: body}
	}
	return a, nil
}

// url is the address of an asset; templates call it, and a name that is wrong fails the page.
func (a *assets) url(name string) (string, error) {
	url, ok := a.urls[name]
	if !ok {
		return "", fmt.Errorf("no asset is called %q", name)
	}
	return url, nil
}

func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := a.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", file.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(file.body) // an error here is a visitor who left
}
