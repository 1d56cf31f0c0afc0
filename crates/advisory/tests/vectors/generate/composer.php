<?php
// Answers pairs with composer/semver (Debian's php-composer-semver) and PHP's version_compare.
// Branches that have no place in the order (dev-main) count as unreadable.
// Left out: `Stable` in other than lower case and versions of more than 18 digits in a row,
// where PHP's answer is an accident of its implementation.
require '/usr/share/php/Composer/Semver/autoload.php';
$parser = new Composer\Semver\VersionParser();
while (($line = fgets(STDIN)) !== false) {
    $line = rtrim($line, "\n");
    [$left, $right] = explode("\t", $line);
    if (preg_match('/(?!stable)(?i:stable)|\d{18}/', $line)) {
        continue;
    }
    try {
        $a = $parser->normalize($left);
        $b = $parser->normalize($right);
        $branch = strpos($a, 'dev-') === 0 || strpos($b, 'dev-') === 0;
        echo $line, "\t", $branch ? '?' : version_compare($a, $b), "\n";
    } catch (UnexpectedValueException $e) {
        echo $line, "\t?\n";
    }
}
