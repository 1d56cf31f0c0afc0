// Answers pairs with golang.org/x/mod/semver, which wants the leading v that advisories leave out.
// Left out: what only we read (leading zeros, `1-rc.1`, toolchain versions).
package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
)

var onlyOurs = regexp.MustCompile(`^(v?[0-9]+(\.[0-9]+)?(\.[0-9]+)?([-+].*)?|(go)?[0-9]+(\.[0-9]+)*[a-z]+[0-9]+)$`)

func main() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		pair := strings.Split(in.Text(), "\t")
		answer, skip := "?", false
		var full [2]string
		valid := true
		for i, version := range pair {
			full[i] = "v" + strings.TrimPrefix(version, "v")
			if !semver.IsValid(full[i]) {
				valid = false
				skip = skip || onlyOurs.MatchString(version)
			}
		}
		if valid {
			answer = fmt.Sprint(semver.Compare(full[0], full[1]))
		}
		if !skip {
			fmt.Printf("%s\t%s\n", in.Text(), answer)
		}
	}
}
