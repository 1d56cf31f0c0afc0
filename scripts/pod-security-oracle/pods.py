import random, json, sys
R=random.Random(int(sys.argv[1])); N=int(sys.argv[2])
def maybe(p,f):
    return f() if R.random()<p else None
def put(d,k,v):
    if v is not None: d[k]=v
C=R.choice
SYS=["kernel.shm_rmid_forced","net.ipv4.ip_local_port_range","net.ipv4.tcp_syncookies","net.ipv4.ping_group_range","net.ipv4.ip_unprivileged_port_start","net.ipv4.ip_local_reserved_ports","net.ipv4.tcp_keepalive_time","net.ipv4.tcp_fin_timeout","net.ipv4.tcp_keepalive_intvl","net.ipv4.tcp_keepalive_probes","net.ipv4.tcp_rmem","net.ipv4.tcp_wmem","net.ipv4.tcp_slow_start_after_idle","net.ipv4.tcp_notsent_lowat","kernel.core_pattern","net.core.somaxconn","net/ipv4/tcp_rmem",""]
VOL=["configMap","csi","downwardAPI","emptyDir","ephemeral","image","persistentVolumeClaim","projected","secret","hostPath","nfs","gcePersistentDisk","iscsi","glusterfs","rbd","flexVolume","cinder","cephfs","flocker","fc","azureFile","vsphereVolume","quobyte","azureDisk","portworxVolume","photonPersistentDisk","scaleIO","storageos","awsElasticBlockStore","gitRepo"]
CAPS=["ALL","all","NET_RAW","NET_BIND_SERVICE","CAP_NET_BIND_SERVICE","CHOWN","SYS_ADMIN","KILL","SETPCAP","MKNOD","AUDIT_WRITE","DAC_OVERRIDE","FOWNER","FSETID","SETFCAP","SETGID","SETUID","SYS_CHROOT","NET_ADMIN","chown"]
def sec(pod):
    d={}
    put(d,"runAsUser",maybe(.25,lambda:C([0,1,1000,65532])))
    put(d,"runAsGroup",maybe(.1,lambda:C([0,1000])))
    put(d,"runAsNonRoot",maybe(.4,lambda:C([True,True,False])))
    put(d,"seccompProfile",maybe(.4,lambda:C([{"type":"RuntimeDefault"},{"type":"RuntimeDefault"},{"type":"Localhost","localhostProfile":"a.json"},{"type":"Unconfined"},{"type":""},{"type":"Foo"},{}])))
    put(d,"appArmorProfile",maybe(.2,lambda:C([{"type":"RuntimeDefault"},{"type":"Localhost","localhostProfile":"a"},{"type":"Unconfined"},{"type":""},{}])))
    put(d,"seLinuxOptions",maybe(.2,lambda:{k:C(v) for k,v in {"type":["","container_t","container_init_t","container_kvm_t","container_engine_t","spc_t"],"user":["","","u"],"role":["","","r"],"level":["s0"]}.items() if R.random()<.5}))
    put(d,"windowsOptions",maybe(.15,lambda:C([{"hostProcess":True},{"hostProcess":False},{"runAsUserName":"a"},{}])))
    if pod:
        put(d,"sysctls",maybe(.2,lambda:[{"name":C(SYS),"value":"1"} for _ in range(R.randint(0,2))]))
        put(d,"supplementalGroups",maybe(.1,lambda:[0,1]))
    else:
        put(d,"privileged",maybe(.15,lambda:C([True,False])))
        put(d,"allowPrivilegeEscalation",maybe(.6,lambda:C([False,False,True])))
        put(d,"procMount",maybe(.15,lambda:C(["Default","Unmasked","Foo",""])))
        put(d,"readOnlyRootFilesystem",maybe(.2,lambda:True))
        def caps():
            c={}
            put(c,"add",maybe(.4,lambda:[C(CAPS) for _ in range(R.randint(0,2))]))
            put(c,"drop",maybe(.7,lambda:C([["ALL"],["ALL"],["ALL","NET_RAW"],["all"],["NET_RAW"],[]])))
            return c
        put(d,"capabilities",maybe(.5,caps))
    return d
def probe():
    p={}
    put(p,"httpGet",maybe(.5,lambda:{"port":80,**({"host":C(["","1.2.3.4"])} if R.random()<.4 else {})}))
    put(p,"tcpSocket",maybe(.3,lambda:{"port":80,**({"host":C(["","h"])} if R.random()<.4 else {})}))
    put(p,"exec",maybe(.2,lambda:{"command":["a"]}))
    return p
def container(i,name,eph=False):
    c={"name":name}
    put(c,"securityContext",maybe(.75,lambda:sec(False)))
    put(c,"ports",maybe(.2,lambda:[{"containerPort":80,**({"hostPort":C([0,80,8080])} if R.random()<.5 else {})}]))
    for k in ("livenessProbe","readinessProbe","startupProbe"): put(c,k,maybe(.08,probe))
    put(c,"lifecycle",maybe(.08,lambda:{C(["postStart","preStop"]):probe()}))
    return c
for _ in range(N):
    s={}
    for k in("hostNetwork","hostPID","hostIPC"): put(s,k,maybe(.12,lambda:C([True,False])))
    put(s,"hostUsers",maybe(.2,lambda:C([False,False,True])))
    put(s,"os",maybe(.15,lambda:{"name":C(["windows","linux"])}))
    put(s,"securityContext",maybe(.75,lambda:sec(True)))
    def vols():
        out=[]
        for i in range(R.randint(0,2)):
            k=C(VOL); v={"name":"v%d"%i,k:({"path":"/x"} if k=="hostPath" else {})}
            out.append(v)
        return out
    put(s,"volumes",maybe(.35,vols))
    s["containers"]=[container(i,"c%d"%i) for i in range(R.randint(1,2))]
    put(s,"initContainers",maybe(.2,lambda:[container(0,"i0")]))
    put(s,"ephemeralContainers",maybe(.1,lambda:[container(0,"e0")]))
    ann={}
    for k in ["seccomp.security.alpha.kubernetes.io/pod","container.seccomp.security.alpha.kubernetes.io/c0","container.seccomp.security.alpha.kubernetes.io/zz"]:
        if R.random()<.08: ann[k]=C(["runtime/default","docker/default","localhost/a","unconfined",""])
    for k in ["container.apparmor.security.beta.kubernetes.io/c0","container.apparmor.security.beta.kubernetes.io/zz"]:
        if R.random()<.08: ann[k]=C(["runtime/default","localhost/a","unconfined",""])
    m={"name":"p"}
    if ann: m["annotations"]=ann
    print(json.dumps({"metadata":m,"spec":s},separators=(",",":")))
