package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/slipwayhq/slipway/internal/analytics/archive"
)

// places are all kinds of them, each made empty.
func places() map[string]func(t *testing.T) archive.Place {
	return map[string]func(t *testing.T) archive.Place{
		"folder": func(t *testing.T) archive.Place { return openPlace(t, t.TempDir(), nil) },
		"S3": func(t *testing.T) archive.Place {
			server := httptest.NewServer(gofakes3.New(s3mem.New(), gofakes3.WithAutoBucket(true)).Server())
			t.Cleanup(server.Close)
			return openPlace(t, "s3://events/of/ours?region=eu-central-1&endpoint="+server.URL, map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"})
		},
	}
}

func openPlace(t *testing.T, address string, env map[string]string) archive.Place {
	t.Helper()
	p, err := archive.OpenPlace(address, func(key string) string { return env[key] })
	must(t, err)
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, p archive.Place, name string) []byte {
	t.Helper()
	f, err := p.Open(t.Context(), name)
	must(t, err)
	defer f.Close()
	all, err := io.ReadAll(f)
	must(t, err)
	if f.Size() != int64(len(all)) {
		t.Errorf("the size of %s is %d, and it has %d bytes", name, f.Size(), len(all))
	}
	if len(all) > 1 {
		end := make([]byte, 1)
		if _, err := f.ReadAt(end, f.Size()-1); (err != nil && !errors.Is(err, io.EOF)) || end[0] != all[len(all)-1] {
			t.Errorf("the last byte of %s is %v (%v)", name, end, err)
		}
	}
	return all
}

func lists(t *testing.T, p archive.Place, prefix, want string) {
	t.Helper()
	names, err := p.List(t.Context(), prefix)
	must(t, err)
	if got := strings.Join(names, " "); got != want {
		t.Errorf("below %q there is %q, not %q", prefix, got, want)
	}
}

func TestPlaces(t *testing.T) {
	for kind, open := range places() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := open(t)
			put := func(name string, text []byte) {
				t.Helper()
				must(t, p.Put(t.Context(), name, bytes.NewReader(text), int64(len(text))))
			}
			big := slices.Repeat([]byte("0123456789abcdef"), 3<<20/16*10) // 30 MB: more than S3 takes in one part by our client
			put("shop/2026-11-01.parquet", []byte("old"))
			put("shop/2026-11-01.parquet", big)
			put("shop-2/2026-11-01.parquet", []byte("x"))
			put("shop/2026-11-02.parquet", []byte("y"))
			if got := holds(t, p, "shop/2026-11-01.parquet"); !bytes.Equal(got, big) {
				t.Errorf("%d bytes come back as %d others", len(big), len(got))
			}
			if got := holds(t, p, "shop/2026-11-02.parquet"); string(got) != "y" {
				t.Errorf("y comes back as %q", got)
			}
			lists(t, p, "", "shop-2/2026-11-01.parquet shop/2026-11-01.parquet shop/2026-11-02.parquet")
			lists(t, p, "shop/", "shop/2026-11-01.parquet shop/2026-11-02.parquet")
			lists(t, p, "nothing/", "")

			// What breaks off leaves what was there, and nothing else.
			for _, r := range []io.Reader{strings.NewReader("short"), io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("the disk broke")))} {
				for _, name := range []string{"shop-2/2026-11-01.parquet", "shop-2/2026-11-02.parquet"} {
					if err := p.Put(t.Context(), name, r, 100); err == nil {
						t.Errorf("%s was put with less than it should have", name)
					}
				}
			}
			lists(t, p, "shop-2/", "shop-2/2026-11-01.parquet")
			if got := holds(t, p, "shop-2/2026-11-01.parquet"); string(got) != "x" {
				t.Errorf("what was there is %q", got)
			}

			must(t, p.Remove(t.Context(), "shop/2026-11-01.parquet"))
			must(t, p.Remove(t.Context(), "shop/2026-11-01.parquet"))
			must(t, p.Remove(t.Context(), "none/2026-11-01.parquet"))
			if _, err := p.Open(t.Context(), "shop/2026-11-01.parquet"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("what was removed opens with %v", err)
			}
			lists(t, p, "shop/", "shop/2026-11-02.parquet")
		})
	}
}

func TestAddressesOfArchives(t *testing.T) {
	for address, wrong := range map[string]string{
		"": "", "backup/events": "", "/mnt/events": "", "s3://bucket": "", "s3://bucket/a/b?region=eu-central-1&endpoint=http://127.0.0.1:9000": "",
		"gs://bucket": "write a folder", "s3://": "write a folder", "s3://bucket?key=x": `no "key"`, "s3://bucket?endpoint=minio:9000": "endpoint",
	} {
		err := archive.CheckAddress(address)
		if (err == nil) != (wrong == "") || !strings.Contains(fmt.Sprint(err), wrong) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestS3NeedsKeys(t *testing.T) {
	_, err := archive.OpenPlace("s3://events", func(key string) string { return map[string]string{"AWS_ACCESS_KEY_ID": "id"}[key] })
	if !strings.Contains(fmt.Sprint(err), "AWS_SECRET_ACCESS_KEY") {
		t.Errorf("%v", err)
	}
}

func TestABucketThatIsNotThere(t *testing.T) {
	server := httptest.NewServer(gofakes3.New(s3mem.New()).Server())
	defer server.Close()
	p := openPlace(t, "s3://nowhere?endpoint="+server.URL, map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-central-1"})
	err := p.Put(t.Context(), "shop/2026-11-01.parquet", strings.NewReader("x"), 1)
	_, listed := p.List(t.Context(), "")
	for _, err := range []error{err, listed} {
		if !strings.Contains(fmt.Sprint(err), "there is no bucket nowhere; make it first") {
			t.Errorf("%v", err)
		}
	}
}
