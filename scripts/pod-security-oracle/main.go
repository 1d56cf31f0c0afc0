// Answers pods (a JSON object with "metadata" and "spec" a line, from pods.py) by the real Pod Security policy: the
// vectors of crates/lint/tests/pod_security.rs. Build it outside the workspace:
//   go mod init oracle && go get k8s.io/pod-security-admission@v0.37.2 && go build
//   python3 pods.py SEED COUNT >pods; ./oracle <pods >answers; paste pods answers
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func main() {
	checks := policy.DefaultChecks()
	ev, err := policy.NewEvaluator(checks, nil)
	if err != nil {
		panic(err)
	}
	// effective set by level and version, mirrors registry.populate
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<24)
	for in.Scan() {
		var pod struct {
			Metadata metav1.ObjectMeta `json:"metadata"`
			Spec     corev1.PodSpec    `json:"spec"`
		}
		if err := json.Unmarshal(in.Bytes(), &pod); err != nil {
			fmt.Println("ERR", err)
			continue
		}
		prev := ""
		var out []string
		for minor := 0; minor <= 38; minor++ {
			var parts []string
			for _, lv := range []api.Level{api.LevelBaseline, api.LevelRestricted} {
				overridden := map[policy.CheckID]bool{}
				pick := func(c policy.Check) *policy.VersionedCheck {
					var best *policy.VersionedCheck
					for i := range c.Versions {
						if at := api.MajorMinorVersion(1, minor); !at.Older(c.Versions[i].MinimumVersion) {
							best = &c.Versions[i]
						}
					}
					return best
				}
				if lv == api.LevelRestricted {
					for _, c := range checks {
						if c.Level == api.LevelRestricted {
							if v := pick(c); v != nil {
								for _, o := range v.OverrideCheckIDs {
									overridden[o] = true
								}
							}
						}
					}
				}
				var bad []string
				for _, c := range checks {
					if lv == api.LevelBaseline && c.Level == api.LevelRestricted || overridden[c.ID] {
						continue
					}
					if v := pick(c); v != nil && !v.CheckPod(&pod.Metadata, &pod.Spec).Allowed {
						bad = append(bad, string(c.ID))
					}
				}
				sort.Strings(bad)
				// cross-check with the real evaluator
				n := 0
				for _, r := range ev.EvaluatePod(api.LevelVersion{Level: lv, Version: api.MajorMinorVersion(1, minor)}, &pod.Metadata, &pod.Spec) {
					if !r.Allowed {
						n++
					}
				}
				if n != len(bad) {
					panic(fmt.Sprintf("mirror differs: %v %d %d", lv, minor, n))
				}
				parts = append(parts, strings.Join(bad, ","))
			}
			line := strings.Join(parts, "|")
			if line != prev {
				out = append(out, fmt.Sprintf("%d:%s", minor, line))
				prev = line
			}
		}
		fmt.Println(strings.Join(out, ";"))
	}
}
