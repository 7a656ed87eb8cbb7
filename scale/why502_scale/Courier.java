import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;

/**
 * Carries bytes between Hadoop's file systems and local files or pipes, for a process that has no JVM of its own.
 *
 * Orders come in by lines, values separated by tabs; each is carried out by a thread of its own, and answered by a line
 * `ID ok BYTES` or `ID failed WHY`. It ends with its standard input. Compiled where it runs, by the compiler that comes with
 * Spark (Janino, therefore in the Java of 2004): there is nothing to build and nothing to ship.
 *
 * conf NAME VALUE     a setting of Hadoop's, before the first order
 * cat  ID URI PIPE    a file into a pipe, or into a local file
 * put  ID LOCAL URI   a local file to a place, where it appears when it is whole, in the stead of what was there
 */
public class Courier implements Runnable {
    private static final Configuration CONF = new Configuration();
    private final String[] order;

    private Courier(String[] order) {
        this.order = order;
    }

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] order = line.split("\t", -1);
            if (order[0].equals("conf")) {
                CONF.set(order[1], order[2]);
            } else {
                Thread thread = new Thread(new Courier(order));
                thread.setDaemon(true);
                thread.start();
            }
        }
        Runtime.getRuntime().halt(0);
    }

    public void run() {
        String answer;
        try {
            answer = "ok\t" + (order[0].equals("cat") ? cat(order[2], order[3]) : put(order[2], order[3]));
        } catch (Throwable why) {
            answer = "failed\t" + String.valueOf(why).replace('\n', ' ').replace('\t', ' ');
        }
        synchronized (Courier.class) {
            System.out.println(order[1] + "\t" + answer);
            System.out.flush();
        }
    }

    private static long cat(String uri, String pipe) throws Exception {
        // Opening waits until the pipe is read; closing it is the end of the file, also where there was none to read.
        OutputStream out = new FileOutputStream(pipe);
        try {
            Path path = new Path(uri);
            return copy(path.getFileSystem(CONF).open(path), out);
        } finally {
            out.close();
        }
    }

    private static long put(String local, String uri) throws Exception {
        Path path = new Path(uri);
        FileSystem system = path.getFileSystem(CONF);
        String scheme = system.getUri().getScheme();
        // An object appears when it is whole; a file is written under another name first.
        boolean object = scheme.startsWith("s3") || scheme.equals("gs");
        String other = "." + path.getName() + "." + UUID.randomUUID() + ".part";
        Path draft = object ? path : new Path(path.getParent(), other);
        InputStream in = new FileInputStream(local);
        FSDataOutputStream out = system.create(draft, true);
        long bytes;
        boolean whole = false;
        try {
            bytes = copy(in, out);
            out.close();
            whole = true;
        } finally {
            if (!whole && object) {
                abort(out);
            } else if (!whole) {
                discard(out, system, draft);
            }
        }
        if (!object) {
            FileContext context = FileContext.getFileContext(system.getUri(), CONF);
            context.rename(draft, path, new Options.Rename[] {Options.Rename.OVERWRITE});
        }
        return bytes;
    }

    /** Gives up an object, which would appear when it is closed: it is not, where there is no other way. */
    private static void abort(FSDataOutputStream out) {
        try {
            out.abort();
        } catch (UnsupportedOperationException why) {
            return;
        }
    }

    private static void discard(OutputStream out, FileSystem system, Path draft) throws Exception {
        try {
            out.close();
        } finally {
            system.delete(draft, false);
        }
    }

    private static long copy(InputStream in, OutputStream out) throws Exception {
        try {
            byte[] buffer = new byte[1 << 17];
            long bytes = 0;
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                out.write(buffer, 0, n);
                bytes += n;
            }
            return bytes;
        } finally {
            in.close();
        }
    }
}
