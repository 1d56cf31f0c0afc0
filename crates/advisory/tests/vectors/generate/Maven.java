import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.regex.Pattern;
import org.apache.maven.artifact.versioning.ComparableVersion;

/**
 * Answers pairs with Maven's ComparableVersion (java -cp maven-artifact-3.9.9.jar Maven.java).
 * Left out: text without a digit and with signs that no version has, which Maven compares and we refuse.
 */
public class Maven {
    static final Pattern READABLE = Pattern.compile("[A-Za-z0-9._+~-]*[0-9][A-Za-z0-9._+~-]*");

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String[] pair = line.split("\t");
            if (READABLE.matcher(pair[0]).matches() && READABLE.matcher(pair[1]).matches()) {
                int order = new ComparableVersion(pair[0]).compareTo(new ComparableVersion(pair[1]));
                System.out.println(line + "\t" + Integer.signum(order));
            }
        }
    }
}
