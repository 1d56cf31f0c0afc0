// Empty databases for Grype (v6) and Trivy (v2), for `scripts/bench peers`: arguments are their two directories.
package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"
	bolt "go.etcd.io/bbolt"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	g, t := os.Args[1], os.Args[2]
	must(os.MkdirAll(g, 0o755))
	w, err := v6.NewWriter(v6.Config{DBDirPath: g})
	must(err)
	must(w.SetDBMetadata())
	must(w.Close())
	must(os.MkdirAll(t, 0o755))
	db, err := bolt.Open(filepath.Join(t, "trivy.db"), 0o644, nil)
	must(err)
	must(db.Update(func(tx *bolt.Tx) error { _, err := tx.CreateBucketIfNotExists([]byte("vulnerability")); return err }))
	must(db.Close())
	now := time.Now()
	m, _ := json.Marshal(map[string]any{"Version": 2, "NextUpdate": now.AddDate(1, 0, 0), "UpdatedAt": now, "DownloadedAt": now})
	must(os.WriteFile(filepath.Join(t, "metadata.json"), m, 0o644))
}
