# Gambit as a server, on processors and NVIDIA GPUs alike: the GPU's driver comes from the host.
#
#   docker build -t gambit .
#   docker run --rm -p 8080:8080 gambit
#   docker run --rm -p 8080:8080 -v "$PWD/models:/models:ro" gambit serve -m /models/model.gguf
#
# Jars that are built already (./mvnw package) are taken as they are, otherwise they are built here.
ARG JDK_IMAGE=eclipse-temurin:25-jdk
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${JDK_IMAGE} AS build
WORKDIR /src
COPY . .
RUN if [ ! -f app/target/gambit.jar ] || [ ! -d app/target/lib ]; then \
      ./mvnw -B -ntp -q -pl app -am package -Dmaven.test.skip=true; \
    fi
# The part of the Java runtime that Gambit needs; zip-9 is unpacked once, at the start of the process.
RUN jlink --add-modules java.logging,java.management,java.naming,java.xml,jdk.crypto.ec,jdk.incubator.vector,jdk.jfr,jdk.management,jdk.net,jdk.unsupported,jdk.zipfs \
      --strip-java-debug-attributes --no-header-files --no-man-pages --compress zip-9 --output /opt/gambit/java \
 && cp -r app/target/gambit.jar app/target/lib app/src/main/jvm/gambit.jvmopts LICENSE /opt/gambit/

FROM ${BASE_IMAGE}
COPY --from=build /opt/gambit /opt/gambit
# A user without a name in /etc/passwd will do, and works on any base; its home is where the driver keeps compiled kernels.
USER 10001:10001
ENV LANG=C.UTF-8 \
    HOME=/tmp \
    LLAMA_ARG_HOST=0.0.0.0 \
    LLAMA_ARG_PORT=8080 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
EXPOSE 8080
# No curl in here: bash speaks TCP.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$LLAMA_ARG_PORT && printf 'GET /health HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && IFS= read -r line <&3 && [[ $line == *' 200 '* ]]"]
# Java is process 1 and hears SIGTERM. /dev/shm can be written to in a read-only container, too: the built-in model passes
# through it at the start.
ENTRYPOINT ["/opt/gambit/java/bin/java", "@/opt/gambit/gambit.jvmopts", "-XX:-UsePerfData", "-Djava.io.tmpdir=/dev/shm", "-jar", "/opt/gambit/gambit.jar"]
CMD ["serve"]
