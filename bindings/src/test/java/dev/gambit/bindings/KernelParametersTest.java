package dev.gambit.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** The block that the driver reads: pointers first, each to its value. */
class KernelParametersTest {

    @Test
    void eachPointerLeadsToItsValue() {
        KernelParameters parameters = KernelParameters.builder().add(7).addAddress(0x7f00_0000_1000L).add(2.5f)
                .add(-1L).add(0.125).add(new byte[] {1, 2, 3}).add(9).build();
        assertEquals(7, parameters.count());
        MemorySegment block = parameters.block();
        for (int i = 0; i < 7; i++) {
            long pointer = block.get(ValueLayout.JAVA_LONG, 8L * i);
            assertEquals(parameters.value(i).address(), pointer);
            assertEquals(0, pointer % 8);
        }
        assertEquals(0, parameters.value(5).address() % 16, "structs are aligned to 16 bytes");
        assertEquals(7, parameters.value(0).get(ValueLayout.JAVA_INT, 0));
        assertEquals(0x7f00_0000_1000L, parameters.value(1).get(ValueLayout.JAVA_LONG, 0));
        assertEquals(2.5f, parameters.value(2).get(ValueLayout.JAVA_FLOAT, 0));
        assertEquals(-1L, parameters.value(3).get(ValueLayout.JAVA_LONG, 0));
        assertEquals(0.125, parameters.value(4).get(ValueLayout.JAVA_DOUBLE, 0));
        assertEquals(3, parameters.value(5).byteSize());
        assertEquals(3, parameters.value(5).get(ValueLayout.JAVA_BYTE, 2));
        assertEquals(9, parameters.value(6).get(ValueLayout.JAVA_INT, 0));
    }

    @Test
    void aValueKeepsItsType() {
        KernelParameters parameters = KernelParameters.builder().add(7).addAddress(8).add(1L).build();
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> parameters.set(0, 1f));
        assertEquals("kernel parameter 0: expected INT32, found FLOAT32; set it with the type that it was built with",
                e.getMessage());
        assertThrows(IllegalArgumentException.class, () -> parameters.set(1, 5L));
        assertThrows(IllegalArgumentException.class, () -> parameters.setAddress(2, 5L));
        assertThrows(IndexOutOfBoundsException.class, () -> parameters.set(3, 1));
        parameters.setAddress(1, 16);
        assertEquals(16, parameters.value(1).get(ValueLayout.JAVA_LONG, 0));
    }

    @Test
    void noParametersAreAllowed() {
        assertEquals(0, KernelParameters.builder().build().count());
    }

    @Test
    void aLaunchHasAtLeastOneOfEach() {
        assertThrows(IllegalArgumentException.class, () -> LaunchConfig.of(0, 32));
        assertThrows(IllegalArgumentException.class, () -> LaunchConfig.of(1, 32, -1));
        assertThrows(IllegalArgumentException.class, () -> LaunchConfig.of(1, 32).withCluster(0));
        assertEquals(false, LaunchConfig.of(1, 32).needsAttributes());
        assertEquals(true, LaunchConfig.of(1, 32).withDependent(true).needsAttributes());
    }

    @Test
    void injectedFaultsComeOnceAtTheirCall() {
        FaultInjection fault = FaultInjection.parse("cuGraphLaunch@2=700");
        assertEquals(0, fault.apply("cuGraphLaunch", 0));
        assertEquals(0, fault.apply("cuMemAlloc_v2", 0));
        assertEquals(700, fault.apply("cuGraphLaunch", 0));
        assertEquals(0, fault.apply("cuGraphLaunch", 0));
        assertThrows(IllegalArgumentException.class, () -> FaultInjection.parse("cuGraphLaunch"));
    }
}
