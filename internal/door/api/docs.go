package api

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/slipwayhq/slipway/internal/door/pages"
)

//go:embed docs
var docsFiles embed.FS

// docsPolicy lets the docs page load from here only.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// mountDocs serves a page that is made from /openapi.json in the browser.
func (s *Server) mountDocs() error {
	files, err := fs.Sub(docsFiles, "docs")
	if err != nil {
		return fmt.Errorf("open the docs: %w", err)
	}
	s.mux.HandleFunc("GET /docs", func(w http.ResponseWriter, r *http.Request) { s.serveDoc(w, r, files, "index.html") })
	s.mux.HandleFunc("GET /docs/{file}", func(w http.ResponseWriter, r *http.Request) { s.serveDoc(w, r, files, r.PathValue("file")) })
	return nil
}

func (s *Server) serveDoc(w http.ResponseWriter, r *http.Request, files fs.FS, name string) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		s.noRoute(w, r, http.NotFoundHandler())
		return
	}
	pages.Headers(w, docsPolicy)
	pages.File(w, r, name, text)
}
