package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/slipwayhq/slipway/internal/fault"
)

// bucket is a Place in S3, or in what speaks like it.
type bucket struct {
	client       *minio.Client
	name, prefix string // prefix is empty, or ends in /
}

// openS3 reads s3://bucket/prefix?endpoint=…&region=…. Keys are the environment's.
func openS3(address string, env func(string) string) (*bucket, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fault.Invalid("write s3://bucket/prefix").At("archive").Because(err)
	}
	endpoint := firstOf(u.Query().Get("endpoint"), env("AWS_ENDPOINT_URL_S3"), env("AWS_ENDPOINT_URL"), "https://s3.amazonaws.com")
	end, err := url.Parse(endpoint)
	if err != nil || end.Host == "" {
		return nil, fault.Invalid("the endpoint of S3 %q is not a URL", endpoint).At("archive")
	}
	id, secret := env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return nil, fault.Invalid("an archive in S3 needs its keys in the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY").At("archive")
	}
	client, err := minio.New(end.Host, &minio.Options{
		Creds: credentials.NewStaticV4(id, secret, env("AWS_SESSION_TOKEN")), Secure: end.Scheme == "https", Region: firstOf(u.Query().Get("region"), env("AWS_REGION"), env("AWS_DEFAULT_REGION")), MaxRetries: 3,
	})
	if err != nil {
		return nil, fault.Invalid("the archive in S3: %s", err).At("archive")
	}
	b := &bucket{client: client, name: u.Host, prefix: strings.Trim(u.Path, "/")}
	if b.prefix != "" {
		b.prefix += "/"
	}
	return b, nil
}

func firstOf(texts ...string) string {
	i := slices.IndexFunc(texts, func(s string) bool { return s != "" })
	if i < 0 {
		return ""
	}
	return texts[i]
}

func (b *bucket) String() string { return "s3://" + b.name + "/" + b.prefix }

// told makes S3's answers those that a Place gives.
func (b *bucket) told(err error) error {
	if err == nil {
		return nil
	}
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		switch {
		case answer.Code == minio.NoSuchBucket:
			return fmt.Errorf("there is no bucket %s; make it first: %w", b.name, err)
		case answer.StatusCode == http.StatusNotFound:
			return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
		case answer.StatusCode == http.StatusForbidden:
			return fmt.Errorf("the keys do not open the bucket %s: %w", b.name, err)
		}
	}
	return err
}

// Put implements Place. S3 shows an object when all of it is there. MD5 guards it on its way: what speaks like S3 knows that everywhere, and newer sums only here and there.
func (b *bucket) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	_, err := b.client.PutObject(ctx, b.name, b.prefix+name, r, size, minio.PutObjectOptions{
		ContentType: "application/vnd.apache.parquet", SendContentMd5: true, DisableContentSha256: true, NumThreads: 1,
	})
	return b.told(err)
}

// object is an opened file of a bucket.
type object struct {
	*minio.Object
	size int64
}

// Size implements Opened.
func (o object) Size() int64 { return o.size }

// Open implements Place.
func (b *bucket) Open(ctx context.Context, name string) (Opened, error) {
	o, err := b.client.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, b.told(err)
	}
	info, err := o.Stat()
	if err != nil {
		return nil, errors.Join(b.told(err), o.Close())
	}
	return object{o, info.Size}, nil
}

// List implements Place.
func (b *bucket) List(ctx context.Context, prefix string) ([]string, error) {
	names := []string{}
	for o := range b.client.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix + prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, b.told(o.Err)
		}
		names = append(names, strings.TrimPrefix(o.Key, b.prefix))
	}
	slices.Sort(names)
	return names, nil
}

// Remove implements Place.
func (b *bucket) Remove(ctx context.Context, name string) error {
	err := b.told(b.client.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{}))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
